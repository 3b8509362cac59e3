"""Distributions that are installed during a test: packages and their `.dist-info` on `sys.path`."""

from __future__ import annotations

from pathlib import Path

from consent.recipes.packages import GROUP


def install(site: Path, entry_points: str, name: str = "acme-recipes") -> Path:
    """Install a distribution into the directory `site`; return the file with its entry points."""
    information = site / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    information.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    file = information / "entry_points.txt"
    file.write_text(entry_points)
    return file


def naming(*values: str) -> str:
    """Return the text of a file with an entry point for each of these values."""
    lines = "".join(f"name{index} = {value}\n" for index, value in enumerate(values))
    return f"[{GROUP}]\n{lines}"


def package(site: Path, name: str, code: str = "") -> Path:
    """Create a package with this dotted name in `site`; return its directory."""
    directory = site.joinpath(*name.split("."))
    directory.mkdir(parents=True)
    directory.joinpath("__init__.py").write_text(code)
    return directory
