"""The OpenAPI description of the API, held against what the API really does."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.http.response import HttpResponseBase
from django.test import Client
from drf_spectacular.settings import patched_settings

from tests.helpers import OPTIONAL, grant, no_policy, small_site
from tests.separate_process import run_in_new_process

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

POLICY, PREFERENCES = "/consent/api/policy/", "/consent/api/preferences/"
GRANT_ALL = json.dumps({"choices": dict.fromkeys(OPTIONAL, True)})


def schema(**spectacular: Any) -> dict[str, Any]:
    """Generate the schema; a warning or an invalid schema makes the command fail."""
    out = StringIO()
    with patched_settings(spectacular):
        call_command(
            "spectacular", format="openapi-json", fail_on_warn=True, validate=True, stdout=out
        )
    generated: dict[str, Any] = json.loads(out.getvalue())
    return generated


def ask(method: str, path: str = PREFERENCES, body: str = "", **headers: str) -> HttpResponseBase:
    client = Client()
    client.cookies["consent"] = grant("functional")
    return client.generic(
        method,
        path,
        body,
        content_type=headers.pop("content_type", "application/json"),
        headers={
            name.replace("_", "-"): value
            for name, value in {"Sec_Fetch_Site": "same-origin", **headers}.items()
        },
    )


def throttled(method: str) -> HttpResponseBase:
    return [ask(method, body=GRANT_ALL) for _ in range(2)][-1]


def unavailable(method: str) -> HttpResponseBase:
    no_policy()
    return ask(method, body=GRANT_ALL)


Ask = Callable[[], HttpResponseBase]

# A way to get each answer: (method, path, status) to the request.
ANSWERS: dict[tuple[str, str, int], Ask] = {
    ("get", POLICY, 200): lambda: ask("GET", POLICY),
    ("get", POLICY, 304): lambda: ask("GET", POLICY, If_None_Match=Client().get(POLICY)["ETag"]),
    ("get", POLICY, 406): lambda: ask("GET", POLICY, Accept="text/html"),
    ("get", POLICY, 412): lambda: ask("GET", POLICY, If_Match='"another"'),
    ("get", PREFERENCES, 200): lambda: ask("GET"),
    ("get", PREFERENCES, 406): lambda: ask("GET", Accept="text/html"),
    ("delete", PREFERENCES, 200): lambda: ask("DELETE"),
    ("delete", PREFERENCES, 403): lambda: ask("DELETE", Sec_Fetch_Site="cross-site"),
    ("delete", PREFERENCES, 406): lambda: ask("DELETE", Accept="text/html"),
}


def answers_to(method: str) -> dict[tuple[str, str, int], Ask]:
    """Return a way to get each answer to PUT or PATCH."""
    ways: dict[int, Ask] = {
        200: lambda: ask(method, body=GRANT_ALL),
        400: lambda: ask(method, body='{"choices": {"surveys": true}}'),
        403: lambda: ask(method, body=GRANT_ALL, Sec_Fetch_Site="cross-site"),
        406: lambda: ask(method, body=GRANT_ALL, Accept="text/html"),
        413: lambda: ask(method, body=" " * 10_001),
        415: lambda: ask(method, body=GRANT_ALL, content_type="text/plain"),
        429: lambda: throttled(method),
        503: lambda: unavailable(method),
    }
    return {(method, PREFERENCES, status): way for status, way in ways.items()}


ANSWERS |= {**answers_to("put"), **answers_to("patch")}
# Further bodies of the same statuses, for their shapes.
REFUSED_BODIES = ["", "{", "[]", "{}", '{"choices": []}', '{"choices": {"functional": 1}}']


def strict(part: Any) -> Any:
    """Return a schema in which no object may have more than it says."""
    if isinstance(part, list):
        return [strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {name: strict(value) for name, value in part.items()}
    if "properties" in part and part.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    return inner


def check(response: Any, described: dict[str, Any], components: dict[str, Any]) -> None:
    """Fail unless the response's body is as described."""
    if "content" not in described:
        assert response.content == b""
        return
    assert set(described["content"]) == {response["Content-Type"]}
    body = described["content"]["application/json"]["schema"]
    jsonschema.validate(response.json(), {**strict(body), "components": strict(components)})


@pytest.fixture
def in_use(settings) -> None:
    small_site()
    settings.CONSENT_THROTTLE_RATE = "1/hour"
    settings.CONSENT_POLICY_MAX_AGE = 0


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_schema_is_generated_without_a_warning(version):
    paths = schema(OAS_VERSION=version)["paths"]

    assert set(paths) >= {POLICY, PREFERENCES}


def test_statuses_described_are_those_that_can_be_got():
    paths = schema()["paths"]
    described = {
        (method, path, int(status))
        for path in (POLICY, PREFERENCES)
        for method, operation in paths[path].items()
        for status in operation["responses"]
    }

    assert described == set(ANSWERS)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer[0]}-{answer[2]}")
def test_answer_is_as_described(in_use, answer):
    method, path, status = answer
    described = schema(OAS_VERSION="3.1.0")
    operation = described["paths"][path][method]

    response = ANSWERS[answer]()

    assert response.status_code == status
    check(response, operation["responses"][str(status)], described["components"])


@pytest.mark.parametrize("body", REFUSED_BODIES)
def test_refusal_is_as_described_whatever_is_wrong(in_use, body):
    described = schema(OAS_VERSION="3.1.0")
    operation = described["paths"][PREFERENCES]["put"]

    response = ask("PUT", body=body)

    assert response.status_code == 400
    check(response, operation["responses"]["400"], described["components"])


def test_every_status_but_success_says_why_it_comes():
    for path in (POLICY, PREFERENCES):
        for operation in schema()["paths"][path].values():
            assert all(
                answer["description"]
                for status, answer in operation["responses"].items()
                if status != "200"
            )


def test_body_to_send_is_described():
    paths = schema()["paths"]

    for method in ("put", "patch"):
        assert set(paths[PREFERENCES][method]["requestBody"]["content"]) == {"application/json"}
    for method in ("get", "delete"):
        assert "requestBody" not in paths[PREFERENCES][method]


def test_schema_asks_for_no_login():
    paths = schema()["paths"]

    for path in (POLICY, PREFERENCES):
        for operation in paths[path].values():
            assert operation.get("security", [{}]) == [{}]


def test_api_works_where_drf_spectacular_is_not_installed():
    before = "import sys\nfor name in ('drf_spectacular', 'drf_spectacular.utils'):\n"
    before += "    sys.modules[name] = None\n"
    code = """
from django.test import Client
from consent.api.schema import HAS_SPECTACULAR
print(HAS_SPECTACULAR, Client().get("/consent/api/preferences/").status_code)
"""
    assert run_in_new_process(code, before=before) == "False 200\n"
