"""What the documents tell readers to copy works: imports, patterns, paths."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile

from consent.recipes import load

pytestmark = pytest.mark.once

TOP = Path(__file__).resolve().parents[1]
DOCUMENTS = [TOP / "README.md", *sorted(TOP.glob("docs/**/*.md"))]


def code_blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(), re.DOTALL)


def imported_names() -> Iterator[tuple[str, str, str]]:
    """Return each name of the app that a document's Python imports, with its document."""
    for document in DOCUMENTS:
        for block in code_blocks(document, "python"):
            for line in re.findall(r"^(?:from|import) consent\b[^#\n]*", block, re.MULTILINE):
                for statement in ast.parse(line.strip()).body:
                    module = getattr(statement, "module", "") or ""
                    for alias in statement.names:
                        yield document.name, module, alias.name


@pytest.mark.parametrize(("document", "module", "name"), sorted(set(imported_names())))
def test_documented_import_works(document: str, module: str, name: str):
    if not module:
        import_module(name)
    elif not hasattr(import_module(module), name):
        import_module(f"{module}.{name}")


def test_recipe_guides_examples_work(tmp_path: Path):
    whole, *_, embed = code_blocks(TOP / "docs/recipes.md", "toml")
    about = whole.partition("[[parameters]]")[0].replace("browser", "embed", 1)
    about = about.replace('placement = "head"', 'placement = "manual"')
    for name, text in (("whole", whole), ("film", f"{about}{embed}")):
        (tmp_path / f"{name}.toml").write_text(text)

    assert "googletagmanager" in load(tmp_path / "whole.toml").render(
        {"measurement_id": "G-A1B2"}, "a"
    )
    film = load(tmp_path / "film.toml").embed
    assert film
    assert film.errors({"id": "https://vimeo.com/123456789"}) == {}


def immutable_patterns() -> list[re.Pattern[str]]:
    """Return the patterns by which the caching guide has files kept for ever: both servers'."""
    text = TOP.joinpath("docs/caching.md").read_text()
    whitenoise = re.findall(r'WHITENOISE_IMMUTABLE_FILE_TEST = \(\n +r"(.+)"\n\)', text)
    nginx = re.findall(r'^ +"~(.+?)" +"public, max-age=31536000, immutable";$', text, re.MULTILINE)
    assert (len(whitenoise), len(nginx)) == (1, 2)
    return [re.compile(whitenoise[0]), re.compile("|".join(nginx))]


def static_names() -> list[str]:
    return [f"consent/{path.name}" for path in TOP.joinpath("consent/static/consent").iterdir()] + [
        "admin/css/base.css"
    ]


@pytest.fixture(scope="module")
def manifest_names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the names that Django's manifest storage gives to static files."""
    storage = ManifestStaticFilesStorage(location=tmp_path_factory.mktemp("static"))
    return {
        name: storage.hashed_name(name, ContentFile(Path(str(finders.find(name))).read_bytes()))
        for name in static_names()
    }


@pytest.mark.parametrize("pattern", immutable_patterns(), ids=["whitenoise", "nginx"])
def test_caching_guide_keeps_every_file_of_a_manifest_storage(pattern, manifest_names):
    assert [name for name in manifest_names.values() if not pattern.search(f"/static/{name}")] == []


@pytest.mark.parametrize("pattern", immutable_patterns(), ids=["whitenoise", "nginx"])
def test_caching_guide_keeps_only_files_named_after_their_content(pattern):
    kept = {name for name in static_names() if pattern.search(f"/static/{name}")}

    assert kept == {name for name in static_names() if re.search(r"\.[0-9a-f]{8}\.", name)}
    assert len(kept) >= 5


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as code hosts make them."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("document", [*DOCUMENTS, TOP / "SECURITY.md"], ids=lambda path: path.name)
def test_links_to_headings_work(document: Path):
    links = re.findall(r"\]\(([\w./-]*)#([^)]+)\)", document.read_text())
    broken = [
        f"{file}#{anchor}"
        for file, anchor in links
        if anchor not in anchors(document.parent / file if file else document)
    ]

    assert broken == []


ARCHITECTURE = TOP.joinpath("docs/architecture.md").read_text()


def named_paths() -> list[str]:
    return sorted(set(re.findall(r"`((?:consent|docs|tests|demo_site)/[\w./-]*)`", ARCHITECTURE)))


@pytest.mark.parametrize("path", named_paths())
def test_architecture_names_paths_that_exist(path: str):
    assert TOP.joinpath(path).exists()


def test_architecture_shows_every_package_and_module():
    parts = {
        path.name.removesuffix(".py") + ("/" if path.is_dir() else "")
        for path in TOP.joinpath("consent").iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.name.startswith("_")
    }

    assert {part for part in parts if not re.search(rf"\b{part}", ARCHITECTURE)} == set()


def test_architecture_names_objects_that_exist():
    assert "LEGAL_BASES" in ARCHITECTURE
    assert import_module("consent.models.legal_basis").LEGAL_BASES
    assert hasattr(import_module("consent.conf").ConsentSettings, "DELIVERY")
