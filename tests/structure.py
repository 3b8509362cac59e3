"""Print the figures that describe how the app's code is laid out: `python -m tests.structure`.

With `--check` the command fails where a hard limit is exceeded: the length of a file or a class,
the number of files at the top level, the number of layers, a circle of imports between packages.
The other figures are for a reader to judge; no code is packed to meet one.
"""

import argparse
import ast
import re
import statistics
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGE = "consent"
# Apps of their own, each with the most lines it may have, and what Django writes.
APART = {"events": 1900, "findings": 1500}
LEFT_OUT = {*APART, "migrations"}

LONG_FILE = 220
LONGEST_FILE = 320
LONGEST_CLASS = 200
MOST_TOP_LEVEL_FILES = 12
MOST_LAYERS = 9

Function = ast.FunctionDef | ast.AsyncFunctionDef
CACHES = {"cache", "lru_cache", "cached_property"}
TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore\b")


@dataclass
class Source:
    """One Python file of the package."""

    path: Path
    top: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @property
    def name(self) -> str:
        return self.path.relative_to(self.top).as_posix()

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def blank(self) -> int:
        return sum(not line.strip() for line in self.text.splitlines())

    @property
    def part(self) -> str:
        """The package or top-level module that the file belongs to; empty for the root."""
        first = self.path.relative_to(self.top / PACKAGE).parts[0].removesuffix(".py")
        return "" if first == "__init__" else first

    def found(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in self.nodes if isinstance(node, kinds))


@dataclass
class Figures:
    """What was measured, and the hard limits that the code exceeds."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    exceeded: list[str] = field(default_factory=list)

    def add(self, label: str, value: object, target: str = "") -> None:
        self.lines.append((label, f"{value}{target and f'  ({target})'}"))

    def limit(self, message: str, *, exceeded: bool) -> None:
        if exceeded:
            self.exceeded.append(message)

    def report(self) -> str:
        rows = [
            f"{PACKAGE} without {' and '.join(APART)} and migrations, unless a line says otherwise:"
        ]
        rows += [f"{label:<38}{value}" if label else f"    {value}" for label, value in self.lines]
        rows += [f"Limit exceeded: {message}." for message in self.exceeded]
        return "\n".join(rows) + "\n"


def length(node: ast.AST) -> int:
    """Return a function's or class's lines, from its first decorator to its last statement."""
    decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    return node.end_lineno - min([node.lineno, *decorators]) + 1


def documentation(node: ast.AST) -> int:
    """Return the lines of the docstring of a module, class or function; 0 if it has none."""
    return length(node.body[0]) if ast.get_docstring(node) else 0


def sources(top: Path) -> list[Source]:
    return [Source(path, top) for path in sorted(top.joinpath(PACKAGE).rglob("*.py"))]


def imported_parts(source: Source, parts: set[str]) -> set[str]:
    """Return the other packages and top-level modules of the app that a file imports."""
    names = [alias.name for node in source.found(ast.Import) for alias in node.names]
    for node in source.found(ast.ImportFrom):
        names += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [name.split(".") for name in names if name.startswith(f"{PACKAGE}.")]
    return {name[1] for name in ours if name[1] in parts} - {source.part}


def arrows(files: Iterable[Source]) -> dict[str, set[str]]:
    """Return which part of the package imports which; the root's `__init__` is left out."""
    parts = {file.part for file in files} - {""}
    found: dict[str, set[str]] = {part: set() for part in parts}
    for file in files:
        if file.part:
            found[file.part] |= imported_parts(file, parts)
    return found


def reachable(start: str, imports: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = set(imports[start])
    while waiting:
        part = waiting.pop()
        seen.add(part)
        waiting |= imports[part] - seen
    return seen


def circles(imports: dict[str, set[str]]) -> set[frozenset[str]]:
    """Return each group of parts that import one another, directly or through others."""
    reach = {part: reachable(part, imports) for part in imports}
    return {
        frozenset(other for other in reach if other in reach[part] and part in reach[other])
        for part in imports
        if part in reach[part]
    }


def layers(top: Path) -> int:
    """Return the number of layers in import-linter's contract."""
    settings = tomllib.loads(top.joinpath("pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return max(len(contract.get("layers", [])) for contract in contracts)


def cached(node: ast.AST) -> bool:
    """Tell whether a function's decorators keep its results."""
    called = (getattr(item, "func", item) for item in node.decorator_list)
    return any(getattr(item, "attr", getattr(item, "id", "")) in CACHES for item in called)


def add_sizes(figures: Figures, files: list[Source], apart: list[Source]) -> None:
    figures.add("Python lines", sum(file.lines for file in files), "target: at most 13000")
    figures.add("  of these blank", sum(file.blank for file in files))
    documented = [ast.Module, ast.ClassDef, *Function.__args__]
    docstrings = sum(documentation(node) for file in files for node in file.found(*documented))
    figures.add("  of these docstrings", docstrings)
    imported = sum(length(n) for file in files for n in file.found(ast.Import, ast.ImportFrom))
    figures.add("  of these imports", imported)
    add_long_files(figures, files, LONG_FILE, "target: at most 8")
    add_long_files(figures, files, LONGEST_FILE, "none")
    for part, most in APART.items():
        of_part = [file for file in apart if file.part == part]
        lines = sum(file.lines for file in of_part)
        figures.add(f"{PACKAGE}/{part}: lines", lines, f"at most {most}")
        add_long_files(figures, of_part, LONG_FILE, "", f"{PACKAGE}/{part}: ")
    longest = max(file.lines for file in files + apart)
    figures.limit(f"a file has more than {LONGEST_FILE} lines", exceeded=longest > LONGEST_FILE)


def add_long_files(
    figures: Figures, files: list[Source], most: int, target: str, of: str = ""
) -> None:
    longer = [f"{file.name} {file.lines}" for file in files if file.lines > most]
    figures.add(f"{of}files over {most} lines", len(longer), target)
    figures.lines += [("", line) for line in longer]


def add_classes(figures: Figures, files: list[Source]) -> None:
    longer = [
        f"{file.name} {node.name} {length(node)}"
        for file in files
        for node in file.found(ast.ClassDef)
        if length(node) > LONGEST_CLASS
    ]
    figures.add(f"classes over {LONGEST_CLASS} lines", len(longer), "target: none")
    figures.lines += [("", line) for line in longer]
    figures.limit(f"a class has more than {LONGEST_CLASS} lines", exceeded=bool(longer))


def add_functions(figures: Figures, files: list[Source]) -> None:
    found = [node for file in files for node in file.found(*Function.__args__)]
    lengths = [length(node) for node in found]
    figures.add("functions", len(lengths))
    figures.add("  median of lines", statistics.median(lengths), "target: at most 5")
    figures.add("  90th percentile", statistics.quantiles(lengths, n=10)[-1], "at most 13")
    code = [length(node) - documentation(node) for node in found]
    figures.add("  median without docstrings", statistics.median(code))
    figures.add("  90th percentile without docstrings", statistics.quantiles(code, n=10)[-1])
    figures.add("cached functions and properties", sum(map(cached, found)))


def add_typing(figures: Figures, files: list[Source]) -> None:
    anys = [node for file in files for node in file.found(ast.Name) if node.id == "Any"]
    ignores = sum(len(TYPE_IGNORE.findall(file.text)) for file in files)
    figures.add("uses of Any", len(anys), "target: at most 150")
    figures.add("type: ignore", ignores, "target: at most 12")


def add_layout(figures: Figures, top: Path, files: list[Source]) -> None:
    top_level = len(list(top.joinpath(PACKAGE).glob("*.py")))
    figures.add("Python files at the top level", top_level, f"at most {MOST_TOP_LEVEL_FILES}")
    figures.add("layers of import-linter", layers(top), f"at most {MOST_LAYERS}")
    imports = arrows(files)
    figures.add("arrows between packages", sum(map(len, imports.values())))
    groups = sorted(" <-> ".join(sorted(group)) for group in circles(imports))
    figures.add("circles between packages", len(groups), "none")
    figures.lines += [("", group) for group in groups]
    figures.limit("too many files at the top level", exceeded=top_level > MOST_TOP_LEVEL_FILES)
    figures.limit("too many layers", exceeded=layers(top) > MOST_LAYERS)
    figures.limit("packages import each other in a circle", exceeded=bool(groups))


def measure(top: Path) -> Figures:
    """Measure the package in the directory `top`."""
    every = sources(top)
    files = [file for file in every if file.part not in LEFT_OUT]
    apart = [file for file in every if file.part in APART and "migrations" not in file.name]
    figures = Figures()
    add_sizes(figures, files, apart)
    add_classes(figures, files + apart)
    add_functions(figures, files)
    add_typing(figures, files)
    add_layout(figures, top, [file for file in every if file.part != "migrations"])
    return figures


def main(arguments: list[str] | None = None) -> int:
    """Print the figures and return the command's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.structure", description=__doc__)
    parser.add_argument("top", nargs="?", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--check", action="store_true", help="fail where a limit is exceeded")
    options = parser.parse_args(arguments)
    figures = measure(options.top)
    sys.stdout.write(figures.report())
    return int(options.check and bool(figures.exceeded))


if __name__ == "__main__":
    sys.exit(main())
