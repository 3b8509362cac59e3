"""What pages load is what `make assets` built of the sources, and small."""

import gzip
import re
from hashlib import sha256
from pathlib import Path

import pytest

import consent
from consent.pages import assets

pytestmark = pytest.mark.once

PACKAGE = Path(consent.__file__).parent
# What a page loads of ours together, and in bytes as they are sent what that may weigh: at a first
# visit in each delivery, and beside that where there are embeds.
PAGES = {
    "server": (5_120, assets.SCRIPT, assets.STYLESHEET),
    "cacheable": (5_500, assets.CACHEABLE_SCRIPT, assets.STYLESHEET),
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
