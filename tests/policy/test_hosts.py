"""Several policies side by side, each for hosts of its own."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory

from consent.models import Policy, PolicyVersion, Record
from consent.models.validators import validate_hosts
from consent.policy import build, policies
from consent.policy.decision import parse
from consent.policy.versions import version_called, version_of
from consent.visitor import Consent
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory, store_as_is
from tests.helpers import SAME_ORIGIN, tool_scripts

pytestmark = pytest.mark.django_db

API = "/consent/api/preferences/"
A, B, B_BELOW, ELSEWHERE = "a.example.test", "b.example.test", "shop.b.example.test", "example.test"
TOOLS = {"tool-a", "tool-b", "tool-default"}
ONE = {"functional": True}


def store(key: str, *, hosts: str = "", revision: int = 2, **fields: Any) -> Policy:
    """Store a policy with one optional category and one tool in it, which is named after it."""
    policy = PolicyFactory.create(
        key=key,
        name=f"Policy {key}",
        is_default=not hosts,
        hosts=hosts,
        revision=revision,
        **fields,
    )
    built = CategoryFactory.build(policy=policy, key="functional", since=1)
    (category,) = store_as_is([built])
    tool = ToolFactory.build(policy=policy, category=category, key=f"tool-{key}", since=2)
    store_as_is([tool])
    policies.forget()
    return policy


@pytest.fixture(autouse=True)
def sites(settings) -> None:
    settings.ALLOWED_HOSTS = [".example.test", "other.test"]
    store("default")
    store("a", hosts=A)
    store("b", hosts=f".{B}")


def visitor(host: str, **cookies: str) -> Client:
    client = Client(headers={**SAME_ORIGIN, "Host": host})
    for name, text in cookies.items():
        client.cookies[name] = text
    return client


def put(client: Client, choices: dict[str, bool], **more: Any) -> Any:
    body = {"choices": choices, **more}
    return client.put(API, body, content_type="application/json")


def key_at(host: str) -> str:
    return policies.current(lambda: host).key


# Which policy


@pytest.mark.parametrize(
    ("host", "key"),
    [
        (A, "a"),
        ("A.Example.Test", "a"),
        (f"{A}:8000", "a"),
        (f"x.{A}", "default"),
        (B, "b"),
        (B_BELOW, "b"),
        (f"deep.{B_BELOW}", "b"),
        (f"not{B}", "default"),
        (ELSEWHERE, "default"),
        ("www.example.test", "default"),
    ],
)
def test_host_has_its_policy(host, key):
    consent = Consent(RequestFactory().get("/", headers={"Host": host}))

    assert consent.policy.key == key


def test_host_that_may_not_be_asked_for_gets_the_default_policy():
    consent = Consent(RequestFactory().get("/", headers={"Host": "evil.test"}))

    assert consent.policy.key == "default"
    assert Client(headers={"Host": "evil.test"}).get("/journal").status_code == 400


def test_forwarded_host_counts_only_where_the_site_says_so(settings):
    headers = {"Host": ELSEWHERE, "X-Forwarded-Host": A}
    request = RequestFactory().get("/", headers=headers)
    assert Consent(request).policy.key == "default"

    settings.USE_X_FORWARDED_HOST = True
    assert Consent(RequestFactory().get("/", headers=headers)).policy.key == "a"


def test_of_several_that_fit_the_one_that_says_most_counts():
    store("wide", hosts=".example.test")
    store("deep", hosts=f".{B_BELOW}")
    store("exact", hosts=B)

    found = {host: key_at(host) for host in (ELSEWHERE, A, B, f"x.{B}", B_BELOW, f"x.{B_BELOW}")}

    assert found == {
        ELSEWHERE: "wide",
        A: "a",
        B: "exact",
        f"x.{B}": "b",
        B_BELOW: "deep",
        f"x.{B_BELOW}": "deep",
    }


def test_default_policy_follows_no_hosts_of_its_own():
    Policy.objects.filter(key="default").update(hosts=A)
    policies.forget()

    assert key_at(A) == "a"
    assert policies.current().cookie_name == "consent"


def test_without_a_default_policy_other_hosts_get_only_what_is_essential():
    Policy.objects.filter(key="default").delete()
    policies.forget()

    assert not policies.current(lambda: ELSEWHERE)
    assert key_at(A) == "a"
    assert tool_scripts(visitor(ELSEWHERE).get("/").content.decode(), TOOLS) == set()


def test_policy_without_hosts_that_is_not_the_default_is_in_use_nowhere():
    PolicyFactory.create(spare=True)

    sites = build()

    assert {policy.key for policy in (sites.default, *sites.others)} == {"default", "a", "b"}


def test_policies_are_compiled_in_as_many_queries_as_one(django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        build()


def test_edit_of_one_policy_shows_on_its_hosts(django_capture_on_commit_callbacks):
    assert policies.current(lambda: A).name == "Policy a"

    with django_capture_on_commit_callbacks(execute=True):
        policy = Policy.objects.get(key="a")
        policy.name = "Another"
        policy.save()

    assert policies.current(lambda: A).name == "Another"
    assert policies.current(lambda: B).name == "Policy b"


# Cookies


def test_choice_on_one_host_is_none_on_another():
    at_a = visitor(A)
    assert put(at_a, ONE).json()["allowed"] == ["tool-a"]
    assert "consent" not in at_a.cookies
    text = at_a.cookies["consent_a"].value

    assert tool_scripts(at_a.get("/").content.decode(), TOOLS) == {"tool-a"}
    # Whatever cookie of another policy reaches it, under its own name or theirs.
    for host in (B, ELSEWHERE):
        other = visitor(host, consent_a=text)
        assert other.get(API).json()["decided"] is False
        assert tool_scripts(other.get("/").content.decode(), TOOLS) == set()
    assert visitor(A, consent=text, consent_b=text).get(API).json()["decided"] is False


@pytest.mark.parametrize(
    ("host", "name", "domain"),
    [
        (A, "consent_a", ""),
        (B, "consent_b", B),
        (B_BELOW, "consent_b", B),
        (ELSEWHERE, "consent", ""),
    ],
)
def test_cookies_have_their_names_and_domains(host, name, domain):
    client = visitor(host)

    put(client, ONE)

    assert client.cookies[name]["domain"] == domain
    subject = name.replace("consent", "consent_subject")
    assert client.cookies[subject]["domain"] == domain
    assert set(client.cookies) == {name, subject}


def test_domain_of_the_setting_is_the_default_policy_s_alone(settings):
    settings.CONSENT_COOKIE_DOMAIN = "example.test"
    domains = {}
    for host in (A, B, ELSEWHERE):
        client = visitor(host)
        put(client, ONE)
        domains[host] = next(
            morsel["domain"] for key, morsel in client.cookies.items() if "subject" not in key
        )

    assert domains == {A: "", B: B, ELSEWHERE: "example.test"}


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (A, ""),
        (B, B),
        (B_BELOW, B),
        ("other.test", "other.test"),
        # Of two that fit, the one that shares with more.
        (f"x.{B_BELOW}", B),
    ],
)
def test_no_cookie_is_set_for_a_domain_that_the_host_is_not_in(host, domain):
    Policy.objects.exclude(key="default").delete()
    store("many", hosts=f"{A}\n.{B_BELOW} .{B}\n.other.test")
    client = visitor(host)

    put(client, ONE)

    assert client.cookies["consent_many"]["domain"] == domain


def test_dialog_names_the_cookie_for_its_script():
    for host, name in ((A, "consent_a"), (ELSEWHERE, "consent")):
        assert f'data-cookie="{name}"' in visitor(host).get("/").content.decode()


def test_clean_up_keeps_the_cookie():
    kept = put(visitor(A), {"functional": False}).json()["stop"]["keep"]

    assert "consent_a" in kept


# API, forms and files


def test_api_tells_each_host_of_its_own_policy():
    for host, key in ((A, "a"), (B_BELOW, "b"), (ELSEWHERE, "default")):
        shown = visitor(host).get("/consent/api/policy/").json()
        assert shown["name"] == f"Policy {key}"
        (tool,) = shown["categories"][0]["tools"]
        assert tool["key"] == f"tool-{key}"


def test_etag_of_one_policy_is_none_of_another():
    tag = visitor(A).get("/consent/api/policy/")["ETag"]

    answer = visitor(B).get("/consent/api/policy/", headers={"If-None-Match": tag})

    assert answer.status_code == 200


def test_form_decides_under_the_policy_of_its_host():
    client = visitor(B_BELOW)

    response = client.post("/consent/preferences/", {"action": "accept-all"})

    assert response.status_code == 303
    assert parse(client.cookies["consent_b"].value).choices == {"functional": 2}


def test_files_are_those_of_the_host(settings):
    settings.CONSENT_DELIVERY = "cacheable"
    prints = {host: policies.current(lambda host=host: host).fingerprint for host in (A, B)}
    assert prints[A] != prints[B]

    own = visitor(A).get(f"/consent/tools/{prints[A]}/functional_2.js")
    others = visitor(A).get(f"/consent/tools/{prints[B]}/functional_2.js")

    assert b"tool-a" in own.content
    assert b"tool-a" in others.content
    assert "immutable" not in others["Cache-Control"]
    assert f"/consent/tools/{prints[B]}/" in visitor(B).get("/").content.decode()


# What is recorded


def test_record_refers_to_the_version_of_its_own_policy():
    for host in (A, B, ELSEWHERE):
        assert put(visitor(host), ONE).status_code == 200

    versions = {record.version.policy for record in Record.objects.all()}
    assert versions == {"default", "a", "b"}
    assert PolicyVersion.objects.count() == 3
    for version in PolicyVersion.objects.all():
        assert json.loads(version.content)["policy"]["name"] == f"Policy {version.policy}"


def test_version_of_another_policy_is_none_of_this():
    compiled = {key: policies.current(lambda host=host: host) for key, host in (("a", A), ("b", B))}
    name = version_of(compiled["a"], "opt_in").name

    assert version_called(name, "a").policy == "a"
    assert version_called(name, "b") is None

    # A page of the other host cannot make a record refer to what was not shown here.
    put(visitor(B), ONE, version=name)
    assert Record.objects.get().version.policy == "b"


def test_receipt_names_the_policy_and_its_host():
    client = visitor(A)
    put(client, ONE)

    (receipt,) = client.get("/consent/api/receipts/").json()

    assert receipt["policy_version"]["content"]["policy"]["name"] == "Policy a"
    assert receipt["party_identification"][0]["party_url"] == f"http://{A}"
    assert [party["party_id"] for party in receipt["party_identification"]] == [
        "controller",
        "tool-a",
    ]


def test_receipts_of_one_policy_are_never_seen_under_another_s_host(settings):
    settings.CONSENT_COOKIE_DOMAIN = "example.test"
    store("below", hosts=B_BELOW)
    secrets, records = {}, {}
    for name, host in (("", ELSEWHERE), ("_b", B)):
        client = visitor(host)
        put(client, ONE)
        secrets[f"consent_subject{name}"] = client.cookies[f"consent_subject{name}"].value
        records[host] = Record.objects.latest("pk")
    # Both are for domains that it is in, so its browser sends both.
    below = visitor(B_BELOW, **secrets)

    assert below.get("/consent/api/receipts/").json() == []
    page = below.get("/consent/receipts/").content.decode()
    for record in records.values():
        assert str(record.receipt) not in page
        assert below.get(f"/consent/receipts/{record.receipt}/").status_code == 404
    # Nor does its own decision go on under a pseudonym of theirs.
    put(below, ONE)
    assert Record.objects.values("subject").distinct().count() == 3
    assert len(below.get("/consent/api/receipts/").json()) == 1


def test_no_two_cookies_of_a_policy_share_a_name():
    store("subject", hosts=B_BELOW)
    client = visitor(B_BELOW)

    put(client, ONE)

    assert parse(client.cookies["consent_subject"].value).choices == {"functional": 2}
    assert len(client.get("/consent/api/receipts/").json()) == 1


def test_login_sync_takes_no_decision_of_another_policy(settings, django_user_model):
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    django_user_model.objects.create_superuser("ada", password="secret")

    def sign_in(client: Client) -> None:
        client.post("/admin/login/", {"username": "ada", "password": "secret"})

    at_a, at_b, again = visitor(A), visitor(B), visitor(A)
    sign_in(at_a)
    put(at_a, ONE)

    sign_in(at_b)
    sign_in(again)

    assert "consent_b.account" not in at_b.cookies
    assert parse(again.cookies["consent_a.account"].value).choices == {"functional": 2}


# What an editor writes


@pytest.mark.parametrize(
    "hosts", [A, f".{B}", f"{A}\n.{B}", "localhost", "A.Example.Test", "127.0.0.1"]
)
def test_hosts_are_taken(hosts):
    validate_hosts(hosts)


@pytest.mark.parametrize(
    "host",
    [
        "https://a.test",
        "a.test/",
        "a.test:80",
        "*.a.test",
        "-a.test",
        "a..test",
        "..a",
        ".",
        "ä.test",
    ],
)
def test_what_is_no_host_is_named(host):
    with pytest.raises(ValidationError) as caught:
        validate_hosts(f"{A} {host}")

    (message,) = caught.value.messages
    assert f"“{host}” is not a valid host name" in message
