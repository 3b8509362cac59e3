"""What pages load is what `make assets` built of the sources, and small."""

import gzip
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

import consent
from consent.pages import assets
from consent.pages.shared_constants import SHARED_CONSTANTS
from consent.policy.decision import parse

pytestmark = pytest.mark.once

PACKAGE = Path(consent.__file__).parent
# What a page loads of ours together, and in bytes as they are sent what that may weigh: at a first
# visit in each delivery, and beside that where there are embeds.
PAGES = {
    "server": (8_192, assets.SCRIPT, assets.STYLESHEET),
    "cacheable": (8_192, assets.CACHEABLE_SCRIPT, assets.STYLESHEET),
    "embed": (1_000, assets.EMBED_SCRIPT, assets.EMBED_STYLESHEET),
}
PARTS = ("choice", "embed")
BUILT = sorted({PACKAGE / "static" / name for _, *names in PAGES.values() for name in names})


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_every_source_is_built():
    assert set(assets.SOURCES) == {path.name for path in PACKAGE.joinpath("browser").iterdir()}


@pytest.mark.parametrize("name", assets.SOURCES)
def test_files_were_built_from_the_sources_as_they_are(name: str):
    same = digest(PACKAGE / "browser" / name) == assets.SOURCES[name]

    assert same, f"consent/browser/{name} was changed since: run make assets"


def test_the_scripts_were_built_with_the_constants_of_python():
    built = json.loads((PACKAGE / "browser" / "shared.json").read_text(encoding="utf-8"))

    assert built == SHARED_CONSTANTS, "Python's constants were changed since: run make assets"


def test_no_script_repeats_a_constant():
    scripts = [path.read_text(encoding="utf-8") for path in PACKAGE.glob("browser/*.js")]
    written = {str(value) for value in SHARED_CONSTANTS.values() if len(str(value)) > 2}

    assert not [value for value in written if any(f"'{value}'" in script for script in scripts)]
    assert not [value for value in written if any(f"[{value}]" in script for script in scripts)]


@pytest.mark.parametrize(
    "text",
    [
        "1.3.20000",
        "1g.3.20000.ads_0",
        "1.3.20000.a-b_3.c1_0",
        "1.0.0",
        "1.9999999999999.1",
        f"1.3.1.{'a' * 504}_0",
    ],
)
def test_the_pattern_of_the_scripts_matches_what_the_server_reads(text: str):
    assert parse(text) is not None
    assert re.search(SHARED_CONSTANTS["COOKIE_PATTERN"], text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2.3.1",
        "1.03.1",
        "1.3.1.-a_1",
        "1.3.1.A_1",
        "1.3.1 ",
        "1h.3.1",
        "1.10000000000000.1",
        f"1.3.1.{'a' * 505}_0",
    ],
)
def test_the_pattern_of_the_scripts_refuses_what_the_server_refuses(text: str):
    assert parse(text) is None
    assert not re.search(SHARED_CONSTANTS["COOKIE_PATTERN"], text)


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_a_file_is_named_after_its_content(path: Path):
    part = path.name.partition(".")[0]

    assert path.name == f"{part}.{digest(path)[:8]}{path.suffix}"
    assert part in PARTS


@pytest.mark.parametrize("part", PARTS)
def test_no_other_build_lies_there(part: str):
    built = {path for path in BUILT if path.name.startswith(part)}

    assert set(PACKAGE.joinpath("static", "consent").glob(f"{part}*")) == built


@pytest.mark.parametrize("page", PAGES)
def test_both_together_stay_within_the_budget(page: str):
    budget, *names = PAGES[page]
    sizes = {
        name: len(gzip.compress((PACKAGE / "static" / name).read_bytes(), 9)) for name in names
    }

    assert sum(sizes.values()) <= budget, sizes


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_no_comment_is_sent(path: Path):
    assert not re.search(r"/\*|//# ", path.read_text(encoding="utf-8"))
