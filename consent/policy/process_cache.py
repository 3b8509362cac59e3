"""The compiled policies that a process keeps, and when it looks for changes.

A process compiles the policies once. It looks whether somebody changed them at least every
CONSENT_POLICY_MAX_AGE seconds, by reading one row for each policy. What this process edits itself
it compiles as part of the commit: meanwhile requests are served by the last policy, and whoever
comes after the edit gets the new one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from asgiref.sync import sync_to_async
from django.db import Error

from consent.conf import conf
from consent.models import Policy
from consent.models.primary import primary
from consent.policy.compiled_policy import NO_POLICY, CompiledPolicy
from consent.policy.compiler import build, read_stamp
from consent.policy.open_transactions import call_on_commit, sees_own_edits
from consent.policy.sites import CompiledSites

logger = logging.getLogger("consent")

# Seconds for which a request waits for another that compiles what this process has edited.
EDIT_PATIENCE = 1.0

# Policies that are kept beyond their time.
SUPERSEDED = 3

# A process looks up to this share of CONSENT_POLICY_MAX_AGE early, at random: processes that were
# started together, or that noticed the same edit, do not all compile at the same moment.
SPREAD = 0.2

# So many times as long as compiling an edit took, the next edits wait for a request that needs
# them: a loop that saves a thousand tools does not compile a thousand times.
PAUSE = 10


class PolicyCache:
    """The process's compiled policies, kept fresh."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sites: CompiledSites | None = None
        # Pages that show them may come back.
        self._superseded: deque[CompiledSites] = deque(maxlen=SUPERSEDED)
        self._looked = 0.0
        self._share = 1.0
        # Whether anybody asked for the policy since it was compiled, and until when edits wait.
        self._is_used = False
        self._paused_until = float("-inf")
        # The last edit in this process, and the last one that was looked at: each an object alone.
        self._edit = object()
        self._seen: object = None

    def current(self, host: Callable[[], str] | None = None) -> CompiledPolicy:
        """Return the policy, looking for changes where the last look is too long ago.

        ``host``: returns the name of the host that is asked; called where several policies are in
        use. In an event loop it returns what is there, without a look: the middleware looks first.
        NO_POLICY where none was ever compiled.
        """
        if self.is_stale() and not _in_event_loop():
            self.refresh()
        self._is_used = True
        sites = self._sites
        if sites is None:
            return NO_POLICY
        return sites.at(host()) if sites.others and host else sites.default

    def called(self, key: str) -> CompiledPolicy:
        """Return the policy in use with this key, as it is now; NO_POLICY where there is none.

        As last looked at: see `look`.
        """
        sites = self._sites
        found = (sites.default, *sites.others) if sites is not None else ()
        return next((policy for policy in found if policy and policy.key == key), NO_POLICY)

    def look(self) -> None:
        """Look for changes now, however short a time ago the last look was."""
        self._looked = float("-inf")
        self.refresh()

    def recent(self) -> Iterator[CompiledPolicy]:
        """Go through all policies in use, and then those that they superseded last."""
        for sites in (self._sites, *self._superseded):
            if sites is not None:
                yield from (policy.at_addresses() for policy in (sites.default, *sites.others))

    def is_stale(self) -> bool:
        """Say whether a look is due."""
        return self._edited or time.monotonic() - self._looked >= conf.POLICY_MAX_AGE * self._share

    @property
    def _edited(self) -> bool:
        return self._edit is not self._seen

    def forget(self) -> None:
        """Make the next request compile the policy anew."""
        self._edit = object()

    def forget_on_commit(self, using: str) -> None:
        """Have an edit in the database ``using`` show once it is committed, and never before."""
        if not sees_own_edits(using):
            call_on_commit(self.show_edit, using)

    def show_edit(self) -> None:
        """Compile what this process has committed, while requests go on with the last policy.

        Where nobody asks for the policy, as in most commands, or edits follow each other closely,
        the next request compiles instead. So it does if the database fails.
        """
        if not (self._is_used and self._compile_edit()):
            self.forget()

    def _compile_edit(self) -> bool:
        began = time.monotonic()
        if (
            began < self._paused_until
            or _in_event_loop()
            or sees_own_edits(primary(Policy).db)
            or not self._lock.acquire(timeout=EDIT_PATIENCE)
        ):
            return False
        try:
            self._compile()
        except Error:
            logger.exception("Cannot read the policy after an edit; the next request tries again.")
            return False
        else:
            now = time.monotonic()
            self._paused_until = now + PAUSE * (now - began)
            return True
        finally:
            self._lock.release()

    def refresh(self) -> None:
        """Look at the policy's row and compile anew where it changed.

        One thread does; others go on with what is there. They wait where nothing is, and a moment
        where this process has edited it: an edit shows at once. A database that fails leaves the
        last policy in place, and so does a transaction that has edited the policy: it sees what
        may be rolled back.
        """
        if sees_own_edits(primary(Policy).db):
            return
        if not self._acquire():
            return
        try:
            if self.is_stale():
                self._look()
        except Error:
            logger.exception("Cannot read the policy; the last one that was compiled stays.")
        finally:
            self._note_look()
            self._lock.release()

    def _note_look(self) -> None:
        self._looked = time.monotonic()
        self._share = 1 - SPREAD * random.random()  # noqa: S311

    def _acquire(self) -> bool:
        """Take the lock, and say whether that was possible in the time that there is for it."""
        if self._sites is None:
            return self._lock.acquire()
        return self._lock.acquire(timeout=EDIT_PATIENCE if self._edited else 0)

    async def arefresh(self) -> None:
        """Do what `refresh` does, away from the event loop."""
        await sync_to_async(self.refresh)()

    def _look(self) -> None:
        # Not that of afterwards: one that is committed meanwhile has to be looked at once more.
        edit = self._edit
        try:
            if self._edited or self._sites is None or self._sites.stamp != read_stamp():
                self._compile()
        finally:
            # Also after a failure, so that a database that is down is asked again only after
            # CONSENT_POLICY_MAX_AGE.
            self._seen = edit

    def _compile(self) -> None:
        superseded, compiled = self._sites, build()
        self._sites, self._is_used = compiled, False
        if superseded and superseded.stamp != compiled.stamp:
            self._superseded.appendleft(superseded)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


policies = PolicyCache()
