"""The wheel, built and installed as a user gets it: complete, and working on its own."""

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from consent import __version__
from consent.pages import assets

TOP = Path(__file__).resolve().parents[1]

SETTINGS = """
SECRET_KEY = "only here"
USE_TZ = True
ROOT_URLCONF = "site_urls"
STATIC_URL = "static/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "consent",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "consent.middleware.ConsentMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
"""

URLS = """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("consent/", include("consent.urls")), path("admin/", admin.site.urls)]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout by the installed hatchling: nothing is fetched."""
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory, cwd=TOP)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a clean virtual environment that has the wheel, and borrows Django."""
    directory = tmp_path_factory.mktemp("installed")
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    (site_packages,) = directory.glob("lib/python*/site-packages")
    # A path in a .pth file comes last, and the .pth files that lie there (the checkout's own
    # editable install is one) are not read: consent can come from the wheel only.
    site_packages.joinpath("borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The smallest project: a directory to run in."""
    tmp_path.joinpath("site_settings.py").write_text(SETTINGS)
    tmp_path.joinpath("site_urls.py").write_text(URLS)
    return tmp_path


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what the command prints; fail with everything it said where it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_site(python: Path, site: Path, code: str) -> list[str]:
    """Return the lines that the code prints in the project, after `django.setup()`."""
    settings = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'"
    site.joinpath("main.py").write_text(f"{settings}\nimport django; django.setup()\n{code}")
    # Whatever PYTHONPATH says, what is installed is imported.
    return run(python, "-E", "main.py", cwd=site).splitlines()


def packaged_files() -> set[str]:
    files = (path for path in TOP.joinpath("consent").rglob("*") if path.is_file())
    # consent/browser/ holds what consent/static/ was built from.
    left_out = {"__pycache__", "browser"}
    return {path.relative_to(TOP).as_posix() for path in files if path.parent.name not in left_out}


def test_has_every_file_of_the_package(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name for name in names if name.startswith("consent/")} == packaged_files()


@pytest.mark.parametrize(
    "pattern",
    [
        "consent/templates/consent/notice.html",
        f"consent/static/{assets.SCRIPT}",
        f"consent/static/{assets.CACHEABLE_SCRIPT}",
        f"consent/static/{assets.STYLESHEET}",
        "consent/locale/*/LC_MESSAGES/django.mo",
        "consent/recipes/google-analytics.toml",
        "consent/migrations/0001_*.py",
        "consent/management/commands/consent_init.py",
        "consent/py.typed",
        "*.dist-info/licenses/LICENSE",
        "*.dist-info/licenses/NOTICE",
    ],
)
def test_has_what_is_easily_forgotten(wheel: Path, pattern: str):
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]

    assert any(name.match(pattern) for name in names)


def test_description_has_no_link_that_only_works_in_the_repository(wheel: Path):
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith("/METADATA"))
        head, _, description = file.read(name).decode().partition("\n\n")

    assert "Description-Content-Type: text/markdown" in head
    assert "# django-consent-tools" in description
    assert "See CONTRIBUTING for the rest" in description
    links = re.findall(r"\]\(([^)]+)\)", description)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_has_nothing_beside_the_package(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {
        "consent",
        f"django_consent_tools-{__version__}.dist-info",
    }


def test_is_imported_from_the_wheel(installed: Path, site: Path):
    (file,) = in_site(installed, site, "import consent; print(consent.__file__)")

    assert Path(file).is_relative_to(installed.parents[1])


def test_system_check_of_a_minimal_site_is_silent(installed: Path, site: Path):
    code = "from django.core.management import call_command; call_command('check')"

    assert in_site(installed, site, code) == ["System check identified no issues (0 silenced)."]


def test_migrations_are_complete(installed: Path, site: Path):
    code = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("makemigrations", "consent", check=True, dry_run=True, verbosity=1)
"""

    assert in_site(installed, site, code) == ["No changes detected in app 'consent'"]


def test_catalogue_has_every_recipe(installed: Path, site: Path):
    recipes = {path.stem for path in TOP.glob("consent/recipes/*.toml")}
    code = "from consent.recipes import catalogue; print(*catalogue(), sep='\\n')"

    assert set(in_site(installed, site, code)) == recipes


def test_visitor_is_asked_and_gets_the_tool_after_accepting(installed: Path, site: Path):
    code = """
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from consent.models import Category, Tool
from consent.recipes import catalogue

setup_test_environment()
call_command("migrate", verbosity=0)
call_command("consent_init", verbosity=0, stdout=open(os.devnull, "w"))
recipe = catalogue()["google-analytics"]
category = Category.objects.get(key=recipe.category)
Tool.objects.from_recipe(recipe, category, {p.name: p.example for p in recipe.parameters})

visitor = Client(headers={"Sec-Fetch-Site": "same-origin"})
for action in (None, "accept-all"):
    if action:
        visitor.post("/consent/preferences/", {"action": action})
    page = visitor.get("/consent/policy/").content.decode()
    print('id="dcp-notice"' in page, "www.googletagmanager.com/gtag/js" in page)
# Without REST framework in INSTALLED_APPS.
answer = visitor.get("/consent/api/preferences/", headers={"Accept": "text/html, */*"})
print(answer.status_code, answer.json()["decided"])
"""

    assert in_site(installed, site, code) == ["True False", "False True", "200 True"]
