"""Scripts of a recipe: parameters in attributes and at the start of an address, hashes, dates."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.recipes import Recipe, RecipeError, Script, load
from tests.recipes.test_recipes import GOOD, Scripts, assert_refused, nasty_text, recipe_with, write

pytestmark = pytest.mark.once


def write_with_attributes(directory: Path, attributes: str, json_attributes: str = "") -> Path:
    """Write a file of which a script has these attributes, and the good file's parameters."""
    old = 'attributes = { referrerpolicy = "origin", defer = true }'
    new = f"attributes = {{ {attributes} }}\njson_attributes = {{ {json_attributes} }}"
    assert old in GOOD
    return write(directory, GOOD.replace(old, new, 1))


def second_script(recipe: Recipe, **values: str) -> dict[str, str | None]:
    """Return the attributes of the second script of the file in `GOOD`."""
    html = recipe.render({"site": "abc", "zone": "eu"} | values, "good")
    return Scripts(html).found[1][0]


def test_attributes_hold_parameters_as_text_and_as_json(tmp_path: Path):
    attributes = second_script(
        load(
            write_with_attributes(
                tmp_path,
                'type = "module", data-site = "{{site}}", data-zone = "in-{{zone}}"',
                'data-all = { site = "{{site}}", zone = "{{zone}}", kind = "good" }',
            )
        )
    )
    assert attributes["type"] == "module"
    assert (attributes["data-site"], attributes["data-zone"]) == ("abc", "in-eu")
    assert json.loads(attributes["data-all"] or "") == {"site": "abc", "zone": "eu", "kind": "good"}


def test_what_has_a_blank_parameter_is_left_out_of_attributes(tmp_path: Path):
    path = write_with_attributes(
        tmp_path, 'data-more = "{{more}}"', 'data-all = { site = "{{site}}", more = "{{more}}" }'
    )
    more = GOOD[GOOD.index("[[parameters]]") :].split("\n\n")[0].replace('"site"', '"more"')
    text = path.read_text(encoding="utf-8").replace("required = true", "required = true\n\n" + more)
    text = text.replace("required = true", "", 2).replace('site"', 'site"\nrequired = true', 1)
    attributes = second_script(load(write(tmp_path, text)))
    assert "data-more" not in attributes
    assert json.loads(attributes["data-all"] or "") == {"site": "abc"}


@given(nasty_text)
def test_no_value_leaves_its_attribute(value: str):
    script = Script(
        src="https://example.com/x.js",
        attributes={"data-x": "{{value}}", "data-y": "y"},
        json_attributes={"data-z": {"a": "{{value}}", "b": "c"}},
    )
    html = recipe_with(script).render({"value": value}, "test")
    scripts = Scripts(html)
    assert scripts.others == []
    ((attributes, code),) = scripts.found
    assert code == ""
    assert list(attributes) == ["nonce", "data-consent-tool", "src", "data-x", "data-y", "data-z"]
    readable = value.encode(errors="replace").decode()
    assert attributes["data-x"] == re.sub(r"[\x00-\x1f\x7f]", "", readable)
    assert json.loads(attributes["data-z"] or "") == {"a": value, "b": "c"}
    assert html.count("\0") == 1
    assert "\1" not in html
    html.encode()


START = """
[[parameters]]
name = "host"
label = "Host"
pattern = 'https:\\/\\/[a-z.\\/]+'
example = "https://good.example/"
help = "In Good: Settings."
required = true
code = true

[[scripts]]
src = "{{host}}/{{site}}.js"

[csp]
"""


def with_start(old: str = "", new: str = "") -> str:
    """Return the good file with a script whose address begins with a parameter."""
    assert old in START
    return GOOD.replace("\n[csp]\n", START.replace(old, new, 1), 1)


def test_address_of_a_script_may_begin_with_an_address(tmp_path: Path):
    recipe = load(write(tmp_path, with_start()))
    for host, src in (
        ("https://own.example", "https://own.example/abc.js"),
        ("https://own.example/a/b/", "https://own.example/a/b/abc.js"),
    ):
        html = recipe.render({"site": "abc", "host": host}, "good")
        assert Scripts(html).found[-1][0]["src"] == src


@given(nasty_text, st.sampled_from(["", "https://", "https://a.example", "https://a.example/"]))
def test_no_value_leaves_the_start_of_an_address(value: str, before: str):
    script = Script(src="{{value}}/x.js?y=1")
    try:
        html = recipe_with(script).render({"value": before + value}, "test")
    except ValueError:
        return
    scripts = Scripts(html)
    assert scripts.others == []
    ((attributes, _),) = scripts.found
    address = urlsplit(str(attributes["src"]))
    assert re.fullmatch(r"[A-Za-z0-9.:-]+", address.netloc)
    assert (before + value).startswith(f"https://{address.netloc}")
    assert address.path.endswith("/x.js")
    assert (address.query, address.fragment) == ("y=1", "")
    assert html.count("\0") == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("code = true\n", "", "parameters[2].code: must be code = true: a script comes from"),
        ("https:\\/", "(https:)?\\/", "scripts[2].src: begins with host, which is not an https"),
        ("required = true", "", "scripts[2].src: begins with host, which is not an https"),
        ("{{host}}/", "{{host}}", "scripts[2].src: “{{host}}{{site}}.js” is not an https"),
        ("{{host}}/", "{{haste}}/", "scripts[2].src: holds {{haste}}, but there is no such"),
    ],
)
def test_address_that_begins_with_another_parameter_is_refused(
    tmp_path: Path, old: str, new: str, message: str
):
    assert_refused(write(tmp_path, with_start(old, new)), message)


BROKEN_ATTRIBUTES = [
    ('id = "{{site}}"', "", "scripts[1].attributes.id: holds a parameter, which only"),
    ('type = "{{site}}"', "", "scripts[1].attributes.type: holds a parameter, which only"),
    ('data-x = "{{sight}}"', "", "scripts[1].attributes.data-x: holds {{sight}}, but"),
    ('data-x = "{{consent_signals}}"', "", "scripts[1].attributes.data-x: holds {{consent_s"),
    ("", 'data-x = { a = "{{sight}}" }', "scripts[1].json_attributes.data-x.a: holds {{sight"),
    ("", 'content = { a = "b" }', "scripts[1].json_attributes.content: must be the name of"),
    ("", 'data-consent-tool = { a = "b" }', "scripts[1].json_attributes.data-consent-tool: mu"),
    ('data-x = "y"', 'data-x = { a = "b" }', "scripts[1].json_attributes.data-x: must be the"),
    ('integrity = "sha1-abc"', "", "scripts[1].attributes.integrity: must be a hash such as"),
    ('integrity = "sha384-abc"', "", "scripts[1].attributes.integrity: needs a src that is"),
]


@pytest.mark.parametrize(("attributes", "json_attributes", "message"), BROKEN_ATTRIBUTES)
def test_attributes_that_a_recipe_may_not_have_are_refused(
    tmp_path: Path, attributes: str, json_attributes: str, message: str
):
    assert_refused(write_with_attributes(tmp_path, attributes, json_attributes), message)


def test_script_with_a_hash_is_the_same_for_everybody_and_cross_origin(tmp_path: Path):
    path = write_with_attributes(tmp_path, 'integrity = "sha384-abc="')
    text = path.read_text(encoding="utf-8").replace("/{{site}}.js", "/good.js")
    with pytest.raises(RecipeError, match=r"attributes.crossorigin: is missing"):
        load(write(tmp_path, text))
    crossorigin = 'integrity = "sha384-abc=", crossorigin = "anonymous"'
    recipe = load(write(tmp_path, text.replace('integrity = "sha384-abc="', crossorigin)))
    assert second_script(recipe)["integrity"] == "sha384-abc="


def test_address_in_an_attribute_is_code(tmp_path: Path):
    text = with_start('src = "{{host}}/{{site}}.js"', 'inline = "x();"').replace("code = true", "")
    text = text.replace('referrerpolicy = "origin"', 'data-host = "{{host}}"')
    with pytest.raises(RecipeError, match=r"parameters\[2\].code: must be code = true: an attribu"):
        load(write(tmp_path, text))


def test_what_loads_others_has_a_parameter_that_is_code(tmp_path: Path):
    text = GOOD.replace('confidence = "low"', 'confidence = "low"\nloads_others = true')
    with pytest.raises(RecipeError, match=r"loads_others: needs a parameter with code = true"):
        load(write(tmp_path, text))
    assert load(write(tmp_path, text.replace("required = true", "required = true\ncode = true")))


@pytest.mark.parametrize("value", ['"2026-11-29"', "2026-11-29T10:00:00Z", "2026"])
def test_checked_is_a_day(tmp_path: Path, value: str):
    text = GOOD.replace('confidence = "low"', f'confidence = "low"\nchecked = {value}')
    with pytest.raises(RecipeError, match="checked: must be a day, without quotes: 2026-11-29"):
        load(write(tmp_path, text))
