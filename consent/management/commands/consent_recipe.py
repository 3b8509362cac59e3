"""``manage.py consent_recipe``: check recipes, and list those whose facts are old."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management import CommandError
from django.core.management.base import CommandParser
from django.utils import timezone

from consent import recipes
from consent.management.command import ConsentCommand
from consent.recipes.schema import schema

A_YEAR = 365
MOST_DAYS = 36500


class Command(ConsentCommand):
    """Works on the recipes of this package, of installed apps and of the project."""

    help = (
        "check: say what is wrong with recipes, with file and field. old: list the recipes whose "
        "facts were compared with their sources longest ago. schema: print the JSON Schema by "
        "which an editor completes and checks recipes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="check | old | schema"
        )
        actions.add_parser("schema", help="Print the JSON Schema of recipes, for an editor.")
        check = actions.add_parser("check", help="Say what is wrong with recipes.")
        check.add_argument("name", nargs="*", help="Keys of recipes; all if none is given.")
        old = actions.add_parser("old", help="List recipes whose facts are old.")
        old.add_argument(
            "--days", type=int, default=A_YEAR, help="Older than this; 365 if left out."
        )

    def handle(self, *args: object, **options: Any) -> None:
        """Do what is asked; raises CommandError where a recipe is invalid or unknown."""
        if options["action"] == "old":
            self._list_old(options["days"])
        elif options["action"] == "schema":
            self.stdout.write(json.dumps(schema(), indent=2))
        else:
            self._check(options["name"])

    def _check(self, names: list[str]) -> None:
        found = {path.stem: problem for path, problem in recipes.problems_by_file().items()}
        problems = [problem for key, problem in found.items() if not names or key in names]
        unknown = [name for name in names if name not in found and recipes.find(name) is None]
        problems += [f"{name}: there is no such recipe." for name in unknown]
        if problems:
            raise CommandError("\n".join(problems))
        number = len(names) or len(recipes.catalogue())
        self.stdout.write(f"{number} recipes checked; nothing is wrong with them.")

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
