"""The app's messages: those of its code and templates, who reads them, and those of a catalogue."""

import ast
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Any, NamedTuple

from django.utils.translation.template import templatize

APP = Path(__file__).resolve().parents[1] / "consent"
LANGUAGES = sorted(path.name for path in (APP / "locale").iterdir())

# What a visitor's page, or a script in it, is answered with. Everything else is for the admin, the
# command line and developers.
VISITORS_SOURCES = (
    "templates/consent/",
    "pages/",
    "views/",
    "visitor/",
    "api/",
    "models/default_texts.py",
    "models/texts_language.py",
    # An embed with an invalid value says so in the page.
    "recipes/parameters.py",
)

# How a .po file marks where they begin, and where the others do.
HEADINGS = ("# What visitors read.", "# What the site's team reads: the admin, and commands.")

# In which argument context, text and plural are.
ARGUMENTS = {
    "gettext": (None, 0, None),
    "pgettext": (0, 1, None),
    "ngettext": (None, 0, 1),
    "npgettext": (0, 1, 2),
}
NAMES = {"_": "gettext", "gettext_lazy": "gettext", "gettext_noop": "gettext"}
_LITERAL = r"u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
# In what Django makes of a template: calls with string literals, and the rest blotted out.
CALL = re.compile(rf"\b(n?p?gettext)\(({_LITERAL}(?:,\s*{_LITERAL})*)")


class Message(NamedTuple):
    """What is looked up in a catalogue."""

    context: str
    text: str
    plural: str


@cache
def in_source(*, visitors_only: bool = False) -> frozenset[Message]:
    """Return the messages of the app, or only those that visitors read."""
    found = set()
    for path in (*APP.rglob("*.py"), *APP.rglob("*.html")):
        if not visitors_only or path.relative_to(APP).as_posix().startswith(VISITORS_SOURCES):
            read = _in_python if path.suffix == ".py" else _in_template
            found.update(read(path.read_text(encoding="utf-8")))
    return frozenset(found)


def _in_python(code: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = NAMES.get(node.func.id, node.func.id)
            values = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
            if name in ARGUMENTS and (message := _message(name, values)):
                yield message


def _in_template(code: str) -> Iterator[Message]:
    for name, literals in CALL.findall(templatize(code)):
        if message := _message(name, ast.literal_eval(f"[{literals}]")):
            yield message


def _message(name: str, values: list[Any]) -> Message | None:
    parts = ["" if at is None else values[at] for at in ARGUMENTS[name]]
    return Message(*parts) if all(isinstance(part, str) for part in parts) else None


@dataclass
class Entry:
    """A message of a .po file. `parts`: keyword (msgid, msgid_plural, msgstr[0]…) to its text."""

    comments: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> Message:
        names = ("msgctxt", "msgid", "msgid_plural")
        return Message(*(self.parts.get(name, "") for name in names))

    @property
    def originals(self) -> list[str]:
        return [text for keyword, text in self.parts.items() if keyword.startswith("msgid")]

    @property
    def translations(self) -> list[str]:
        return [text for keyword, text in self.parts.items() if keyword.startswith("msgstr")]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each translation with the text that it stands for: singular first, then plurals."""
        for number, translation in enumerate(self.translations):
            yield self.originals[min(number, len(self.originals) - 1)], translation


def catalogue_path(language: str, suffix: str = ".po") -> Path:
    return APP / "locale" / language / "LC_MESSAGES" / f"django{suffix}"


def read(language: str) -> tuple[dict[str, str], list[Entry]]:
    """Return the header and the messages of a .po file (entries apart by an empty line)."""
    text = catalogue_path(language).read_text(encoding="utf-8")
    header, *entries = (_entry(block) for block in text.strip().split("\n\n"))
    assert header.originals == [""]
    return dict(line.split(": ", 1) for line in header.parts["msgstr"].splitlines()), entries


def _entry(block: str) -> Entry:
    entry, keyword = Entry(), ""
    for line in block.splitlines():
        if line.startswith("#"):
            entry.comments.append(line)
            continue
        if not line.startswith('"'):
            keyword, line = line.split(" ", 1)
            assert keyword not in entry.parts, f"no empty line before {line}"
        # The escapes of .po files are among Python's.
        entry.parts[keyword] = entry.parts.get(keyword, "") + ast.literal_eval(line)
    return entry


def entries(language: str) -> list[Entry]:
    return read(language)[1]


def compiled(language: str) -> GNUTranslations:
    with catalogue_path(language, ".mo").open("rb") as file:
        return GNUTranslations(file)


def write_catalogue(directory: Path, language: str, texts: dict[Message, list[str]]) -> None:
    """Write a site's own compiled catalogue, to be found through `LOCALE_PATHS`.

    ``texts``: the forms of each message, one where it has no plural. The format is that of
    https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html
    """
    pairs = {
        "": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n!=1;\n"
    }
    for (context, text, plural), forms in texts.items():
        name = f"{context}\4{text}" if context else text
        pairs[f"{name}\0{plural}" if plural else name] = "\0".join(forms)
    keys = [(key.encode(), pairs[key].encode()) for key in sorted(pairs)]
    start, content, tables = 28 + 16 * len(keys), b"", ([], [])
    for column, table in enumerate(tables):
        for pair in keys:
            table.extend((len(pair[column]), start + len(content)))
            content += pair[column] + b"\0"
    numbers = (0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, start, *tables[0], *tables[1])
    path = directory / language / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack(f"<{len(numbers)}I", *numbers) + content)
