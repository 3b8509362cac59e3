"""``manage.py consent_migrate``: takes over what another consent app has stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser, no_translations

from consent.management.command import ConsentCommand
from consent.transfer import TransferError
from consent.transfer.cookie_consent import migrate

DJANGO_COOKIE_CONSENT = "django-cookie-consent"


class Command(ConsentCommand):
    """Makes a policy of another app's groups and cookies, and prints what was made."""

    help = (
        "Make a policy of the groups and cookies of another consent app: groups become "
        "categories, cookies are declared by tools without code. Prints what is made, what cannot "
        "be carried over, and the setting by which visitors keep their choices. What the policy "
        "has already is not changed, so a second run makes nothing twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say from which app, and into which policy."""
        parser.add_argument(
            "app", choices=[DJANGO_COOKIE_CONSENT], help="the app that visitors chose in before"
        )
        parser.add_argument(
            "--policy",
            metavar="KEY",
            default="cookie-consent",
            help="the policy to make, or to add to (default: %(default)s)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would be made and change nothing"
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Migrate. Raises CommandError, with nothing changed, where that is not possible."""
        try:
            migration = migrate(key=options["policy"], dry_run=options["dry_run"])
        except TransferError as error:
            raise CommandError(f"Nothing was migrated, and nothing changed.\n{error}") from error
        self.stdout.write("\n".join(migration.lines))
