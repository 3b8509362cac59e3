"""For tests of websites: visitors who granted what the test says."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from django.test.utils import TestContextDecorator

from consent.policy import CompiledPolicy, policies
from consent.policy.decision import Decision, today
from consent.recipes.keys import MAX_COOKIE_LENGTH
from consent.visitor import Consent


class override_consent(TestContextDecorator):  # noqa: N801
    """Let every request come from a visitor who granted exactly these categories.

    ``granted``: their keys; none: everything was refused. ``all``: every category is granted.
    ``refused_tools``: keys of tools that were refused in categories that are granted. A context
    manager, and a decorator of functions, async functions and TestCase classes; the innermost
    counts. Nothing is stored: no cookie, no record.

    It holds for the whole process, as `override_settings` does, until it ends. The policy is read
    anew when it begins and when it ends, so that it is the test's own. A request that asks for its
    consent raises ValueError where the policy does not have what is named.
    """

    def __init__(self, *granted: str, all: bool = False, refused_tools: Iterable[str] = ()) -> None:
        super().__init__()
        self._granted = frozenset(granted)
        self._all = all
        self._refused = frozenset(refused_tools)

    def enable(self) -> None:
        """Begin."""
        policies.forget()
        Consent.cookie_overrides.append(self.cookie)

    def disable(self) -> None:
        """End: what held before holds again."""
        policies.forget()
        # The last of them: one object can be entered several times.
        behind = Consent.cookie_overrides[::-1].index(self.cookie)
        del Consent.cookie_overrides[-1 - behind]

    def decorate_class(self, cls: type) -> type:
        """Let each test of a TestCase run within; a subclass that says otherwise counts for it."""
        cls._consent_override = self  # type: ignore[attr-defined]
        inherited = cls.setUp  # type: ignore[attr-defined]

        def setUp(test: Any) -> None:
            if test._consent_override is self:
                self.enable()
                test.addCleanup(self.disable)
            inherited(test)

        cls.setUp = setUp  # type: ignore[attr-defined]
        return cls

    def cookie(self, policy: CompiledPolicy) -> str:
        """Return the preference cookie of this visitor under ``policy``.

        Raises ValueError where it does not have what is named, or where that is too much.
        """
        known = [category.key for category in policy.categories]
        _check("category", self._granted, known)
        _check("tool that can be refused", self._refused, sorted(policy.refusable))
        granted = {key for key in known if self._all or key in self._granted}
        choices = {c.key: policy.revision if c.key in granted else 0 for c in policy.optional}
        tools = (key for key in sorted(self._refused) if policy.tools[key].category in granted)
        choices.update(dict.fromkeys(tools, 0))
        text = Decision(policy.revision, today(), MappingProxyType(choices)).text
        if len(text) > MAX_COOKIE_LENGTH:
            raise ValueError(
                f"override_consent(refused_tools={sorted(self._refused)}): no visitor can refuse "
                "so many single tools; the cookie would have more than "
                f"{MAX_COOKIE_LENGTH} characters."
            )
        return text


def _check(what: str, named: frozenset[str], known: list[str]) -> None:
    """Raise ValueError where something ``named`` is not ``known``."""
    if unknown := sorted(named.difference(known)):
        there = f"It has: {', '.join(known)}." if known else "It has none: make a policy first."
        raise ValueError(
            f"override_consent: the policy has no {what} {', '.join(map(repr, unknown))}. {there}"
        )
