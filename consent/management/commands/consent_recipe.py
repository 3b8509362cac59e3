"""``manage.py consent_recipe``: write, try out and check recipes, and list those that are old."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import CommandParser
from django.utils import timezone

from consent import recipes
from consent.management.command import ConsentCommand
from consent.management.recipe_report import report
from consent.recipes import skeleton, sources, trial
from consent.recipes.keys import KEY, KEY_LENGTH, is_key
from consent.recipes.schema import schema

A_YEAR = 365
MOST_DAYS = 36500


class Command(ConsentCommand):
    """Works on the recipes of this package, of other packages, installed apps and the project."""

    help = (
        "check: say what is wrong with recipes, with file and field. new: write the skeleton of a "
        "recipe. test: show what pages would contain of it. old: list the recipes whose facts were "
        "compared with their sources longest ago. schema: print the JSON Schema by which an editor "
        "completes and checks recipes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="check | new | test | old | schema"
        )
        check = actions.add_parser("check", help="Say what is wrong with recipes.")
        check.add_argument("name", nargs="*", help="Keys of recipes; all if none is given.")
        new = actions.add_parser("new", help="Write the skeleton of a recipe.")
        new.add_argument("key", help="The key of the recipe, such as our-chat.")
        new.add_argument("--kind", choices=skeleton.KINDS, default="browser")
        new.add_argument(
            "--directory", type=Path, help="Else the first one in CONSENT_RECIPE_DIRS."
        )
        test = actions.add_parser("test", help="Show what pages would contain of a recipe.")
        test.add_argument("key", help="The key of the recipe.")
        old = actions.add_parser("old", help="List recipes whose facts are old.")
        old.add_argument(
            "--days", type=int, default=A_YEAR, help="Older than this; 365 if left out."
        )
        actions.add_parser("schema", help="Print the JSON Schema of recipes, for an editor.")

    def handle(self, *args: object, **options: Any) -> None:
        """Do what is asked; raises CommandError where a recipe is invalid or unknown."""
        match options["action"]:
            case "check":
                self._check(options["name"])
            case "new":
                self._new(options["key"], options["kind"], options["directory"])
            case "test":
                self._test(options["key"])
            case "old":
                self._list_old(options["days"])
            case "schema":
                self.stdout.write(json.dumps(schema(), indent=2))

    def _check(self, names: list[str]) -> None:
        found = {path.stem: problem for path, problem in recipes.problems_by_file().items()}
        problems = [problem for key, problem in found.items() if not names or key in names]
        unknown = [name for name in names if name not in found and recipes.find(name) is None]
        problems += [f"{name}: there is no such recipe." for name in unknown]
        if problems:
            raise CommandError("\n".join(problems))
        number = len(names) or len(recipes.catalogue())
        self.stdout.write(f"{number} recipes checked; nothing is wrong with them.")

    def _new(self, key: str, kind: str, directory: Path | None) -> None:
        path = _directory(directory) / f"{key}.toml"
        if not is_key(key):
            form = f"match {KEY} and be at most {KEY_LENGTH} characters long"
            raise CommandError(f"“{key}” is not a valid recipe key: it must {form}.")
        try:
            skeleton.create(path, kind)
        except FileExistsError as error:
            raise CommandError(f"{path} exists. It was not changed.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{path} was written. Write a value for each TODO in it, then run:")
        self.stdout.write(f"  manage.py consent_recipe check {key}")
        self._warn_about(path)

    def _warn_about(self, path: Path) -> None:
        """Say if the new file has no effect, or replaces another recipe."""
        recipes.forget()
        files = [each.resolve() for each in recipes.files_of(path.stem)]
        if path.resolve() not in files:
            self.stderr.write(
                f"Recipes are not looked for in {path.parent}: add it to CONSENT_RECIPE_DIRS."
            )
        for other in files:
            if other != path.resolve():
                self.stderr.write(f"There is another recipe with this key: {other}")

    def _test(self, key: str) -> None:
        try:
            recipe = recipes.find(key)
        except recipes.RecipeError as error:
            raise CommandError(str(error)) from error
        if recipe is None:
            raise CommandError(f"{key}: there is no such recipe.")
        path, found = recipes.files_of(key)[0], trial.try_out(recipe)
        self.stdout.write(report(recipe, path, found))
        if found.reasons:
            raise CommandError("\n".join(f"{path.name}: {reason}" for reason in found.reasons))
        self.stdout.write("Nothing is wrong with it.")

    def _list_old(self, days: int) -> None:
        if not 0 <= days <= MOST_DAYS:
            raise CommandError(f"--days {days} is not between 0 and {MOST_DAYS}.")
        last = timezone.now().date() - timedelta(days=days)
        all_recipes = recipes.catalogue().values()
        old = [each for each in all_recipes if each.checked is None or each.checked < last]
        for recipe in sorted(old, key=lambda each: (str(each.checked or ""), each.key)):
            day = recipe.checked.isoformat() if recipe.checked else "no date"
            sure = f"{recipe.name}; confidence: {recipe.confidence}"
            self.stdout.write(f"{day:<10}  {recipe.key}  ({sure})")
        self.stdout.write(f"{len(old)} of {len(all_recipes)} recipes are older than {days} days.")


def _directory(given: Path | None) -> Path:
    """Return the directory for a new recipe; raises CommandError if there is none."""
    directory = given or next((each for each in sources.of_project() if each.is_dir()), None)
    if directory is None:
        raise CommandError(
            "It is not known where to write: use --directory, or set CONSENT_RECIPE_DIRS to a list "
            "with an existing directory."
        )
    if not directory.is_dir():
        raise CommandError(f"{directory} is no directory: create it first.")
    return directory
