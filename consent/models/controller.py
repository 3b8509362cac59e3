"""The controller: who decides what data a website collects, and why."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from consent.models import fields

NAME = "controller_name"
"""The field that says who receives what a visitor agrees to; the others say how to reach them."""


class Controlled(models.Model):
    """What names its controller.

    Another name is another receiver of the data. A first name is not: nobody was named before. Nor
    are another address and another contact.
    """

    controller_name = fields.CharField(
        _("name of the controller"),
        max_length=200,
        blank=True,
        help_text=_(
            "The company or person that is responsible for the website's data. Visitors are asked "
            "again if another one takes its place."
        ),
    )
    controller_address = fields.TextField(_("address of the controller"), blank=True)
    controller_contact = fields.CharField(
        _("contact of the controller"),
        max_length=300,
        blank=True,
        help_text=_("Such as an e-mail address, a telephone number or the address of a form."),
    )

    class Meta:
        abstract = True

    def has_other_controller(self, stored: models.QuerySet[Any], kwargs: dict[str, Any]) -> bool:
        """Return whether saving with ``kwargs`` replaces a controller that was named.

        ``stored``: the row as it is, locked.
        """
        names = kwargs.get("update_fields")
        before = stored.values_list(NAME, flat=True).first()
        is_saved = names is None or NAME in names
        return is_saved and bool(before) and before != self.controller_name
