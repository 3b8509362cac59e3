"""What pages load is what `make assets` built of the sources, and small."""

import gzip
import re
from hashlib import sha256
from pathlib import Path

import pytest

from consent import assets

pytestmark = pytest.mark.once

PACKAGE = Path(assets.__file__).parent
BUILT = [PACKAGE / "static" / name for name in (assets.SCRIPT, assets.STYLESHEET)]
# What a first visit loads of ours, in bytes as they are sent.
BUDGET = 5_000


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_every_source_is_built():
    assert set(assets.SOURCES) == {path.name for path in PACKAGE.joinpath("browser").iterdir()}


@pytest.mark.parametrize("name", assets.SOURCES)
def test_files_were_built_from_the_sources_as_they_are(name: str):
    same = digest(PACKAGE / "browser" / name) == assets.SOURCES[name]

    assert same, f"consent/browser/{name} was changed since: run make assets"


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.suffix)
def test_a_file_is_named_after_its_content(path: Path):
    assert path.name == f"choice.{digest(path)[:8]}{path.suffix}"


def test_no_other_build_lies_there():
    assert set(PACKAGE.joinpath("static", "consent").glob("choice*")) == set(BUILT)


def test_both_together_stay_within_the_budget():
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in BUILT}

    assert sum(sizes.values()) <= BUDGET, sizes


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.suffix)
def test_no_comment_is_sent(path: Path):
    assert not re.search(r"/\*|//# ", path.read_text(encoding="utf-8"))
