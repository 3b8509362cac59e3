"""The policies in use: that of any host, and those of some hosts alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

from django.utils.functional import cached_property
from django.utils.http import is_same_domain

from consent.policy.compiled_policy import NO_POLICY, CompiledPolicy

Stamp: TypeAlias = tuple[tuple[int, datetime], ...]


@dataclass(frozen=True)
class CompiledSites:
    """The policies in use: that of any host, and those of some hosts alone."""

    default: CompiledPolicy = NO_POLICY
    others: tuple[CompiledPolicy, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is any policy."""
        return bool(self.default or self.others)

    @property
    def stamp(self) -> Stamp:
        """Of which rows it was built, and when those were last changed."""
        return tuple(policy.stamp for policy in (self.default, *self.others) if policy.stamp)

    @cached_property
    def at(self) -> Callable[[str], CompiledPolicy]:
        """Function of a host's name: its policy. Of several that fit, the one that says most."""
        return lru_cache(maxsize=1024)(self._at)

    def _at(self, host: str) -> CompiledPolicy:
        fitting = [
            ((pattern == host, len(pattern)), policy)
            for policy in self.others
            for pattern in policy.hosts
            if is_same_domain(host, pattern)
        ]
        return max(fitting, key=itemgetter(0))[1] if fitting else self.default
