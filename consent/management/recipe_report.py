"""What ``consent_recipe test`` says about a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

from consent.recipes import Recipe
from consent.recipes.trial import Trial


def report(recipe: Recipe, path: Path, trial: Trial) -> str:
    """Return what pages would contain of a tool with this recipe, and what was checked."""
    sections = [
        f"{recipe.name} ({recipe.key}), {recipe.kind}, from {path}",
        _section("Values", (f"{name} = {value}" for name, value in trial.values.items())),
        _section(_where(recipe), trial.markup.splitlines() or ["nothing"]),
        _section("Added to a Content-Security-Policy", _sources(trial)),
        _section("Not added, as it would hold for the whole page", iter(trial.not_added)),
        _section("Cookies and storage keys", [*_cookies(recipe)] or ["none"]),
        _section("Signals of Consent Mode", iter(recipe.consent_mode)),
        _section("Checked", _checked(recipe, trial)),
    ]
    return "\n".join(filter(None, sections))


def _section(title: str, lines: Iterator[str] | list[str]) -> str:
    """Return a title with lines below it; "" if there are none."""
    text = "\n".join(lines)
    return f"{title}:\n{indent(text, '  ')}" if text else ""


def _where(recipe: Recipe) -> str:
    if recipe.kind == "server":
        return f"In pages, as the website's server sends events (parameter {recipe.endpoint})"
    if recipe.kind == "embed":
        return "Where a template shows the embed to a visitor who allows it"
    return f"In the page of a visitor who allows it ({recipe.placement})"


def _sources(trial: Trial) -> Iterator[str]:
    return (f"{name} {' '.join(sources)}" for name, sources in trial.added.items())


def _cookies(recipe: Recipe) -> Iterator[str]:
    for each in recipe.cookies:
        yield f"{each.kind} {each.name} ({each.party} party, {each.retention}): {each.purpose}"


def _checked(recipe: Recipe, trial: Trial) -> Iterator[str]:
    yield "the form of the file, and that its parts fit together"
    yield f"markup and sources for {trial.variants} sets of values: examples, required, each choice"
    if recipe.kind != "server":
        yield "that [csp] contains the host of each script, frame and address in the code"
    day = recipe.checked.isoformat() if recipe.checked else "never, as far as the file says"
    yield f"the facts, by their author: {day}; confidence: {recipe.confidence}"
