"""Skeletons of recipes: files in which each value that is left to write is blank, and marked."""

from __future__ import annotations

from pathlib import Path

KINDS = ("browser", "server", "embed")
"""The kinds of recipes for which there is a skeleton."""

SCHEMA_FILE = "recipe.schema.json"
"""Where an editor finds the schema, if somebody has stored it beside the recipes."""

_DIRECTORY = Path(__file__).with_name("skeletons")


def create(path: Path, kind: str) -> None:
    """Create a file with the skeleton of a recipe of this kind.

    Raises FileExistsError where there is a file already, and OSError where it cannot be written.
    """
    schema = f"#:schema ./{SCHEMA_FILE}\n" if path.with_name(SCHEMA_FILE).exists() else ""
    parts = [_DIRECTORY.joinpath(f"{part}.toml") for part in ("head", kind)]
    text = schema + "".join(part.read_text(encoding="utf-8") for part in parts)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
