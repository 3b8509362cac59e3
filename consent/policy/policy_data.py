"""A policy as frozen plain data, and what follows from it for every visitor alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.functional import cached_property
from django.utils.http import is_same_domain

from consent.conf import conf
from consent.policy.data import CompiledCategory, CompiledTool
from consent.policy.memo import Memo
from consent.policy.regimes import RegimesByRegion
from consent.policy.translations import Table

# Characters of markup that the memo of a small policy keeps, whatever cookies visitors invent.
RENDERED_LENGTH = 2_000_000

# A memo of a large policy has room for the code of all of its tools so many times: eight states of
# three categories, with and without a nonce.
COPIES = 16

# And for its texts in so many languages: all that the app has.
LANGUAGES = 26

# About how many characters dialog, policy page, version and API have for each tool.
TEXTS_LENGTH = 4_000


# What follows the name of the preference cookie in the name of the account's.
ACCOUNT = ".account"


@dataclass(frozen=True)
class PolicyData:
    """A policy as plain data. ``stamp`` says of which row, and when that was last changed.

    ``issued``: the revisions at which a page may have shown it; a grant at another one is void.
    """

    stamp: tuple[int, datetime] | None = None
    key: str = ""
    hosts: tuple[str, ...] = ()
    name: str = ""
    language: str = ""
    revision: int = 0
    issued: frozenset[int] = frozenset()
    lifetime_days: int = 182
    notice_text: str = ""
    introduction: str = ""
    explanation: str = ""
    policy_url: str = ""
    privacy_url: str = ""
    controller_name: str = ""
    controller_address: str = ""
    controller_contact: str = ""
    tool_choices: bool = False
    wait_for_update: int = 0
    ads_data_redaction: bool = True
    url_passthrough: bool = False
    regimes: RegimesByRegion = field(default_factory=RegimesByRegion)
    categories: tuple[CompiledCategory, ...] = ()
    # The owner's translations by language: see `consent.policy.translations`.
    translations: Mapping[str, Table] = field(default_factory=dict, hash=False)
    # True while its owner has stopped all optional tools.
    is_stopped: bool = False
    # False for a URLconf without the app's URLs: nobody can choose there.
    has_addresses: bool = True

    def __bool__(self) -> bool:
        """Say whether there is a policy: without one, nothing is known and nothing runs."""
        return self.stamp is not None

    @cached_property
    def parts(self) -> Memo:
        """Markup that is the same for every visitor: what visitors invent cannot evict it."""
        return Memo(RENDERED_LENGTH + LANGUAGES * TEXTS_LENGTH * len(self.tools))

    @cached_property
    def rendered(self) -> Memo:
        """Markup that differs by state of consent."""
        code = sum(len(tool.markup) for tool in self.tools.values())
        return Memo(RENDERED_LENGTH + COPIES * code)

    @property
    def cookie_name(self) -> str:
        """Name of the preference cookie: a policy for some hosts has one of its own.

        So that a choice under one policy is never taken for one under another.
        """
        return self._own_name(conf.COOKIE_NAME)

    @property
    def subject_cookie_name(self) -> str:
        """Name of the subject's cookie: one for each policy, as with the preference cookie.

        So that no policy's records are read, or go on under the same pseudonym, under another's.
        """
        return self._own_name(conf.SUBJECT_COOKIE_NAME)

    @property
    def account_cookie_name(self) -> str:
        """Name of the cookie that holds a signed-in user's choice beside the browser's own."""
        return f"{self.cookie_name}{ACCOUNT}"

    def _own_name(self, name: str) -> str:
        return f"{name}_{self.key}" if self.hosts else name

    def cookie_domain(self, host: str) -> str | None:
        """Return ``Domain`` of the cookies that ``host`` sets.

        Hosts that are written as ``.example.com`` share a choice; no browser takes a cookie for a
        domain that the host is not in.
        """
        if not self.hosts:
            return conf.COOKIE_DOMAIN
        shared = [h[1:] for h in self.hosts if h.startswith(".") and is_same_domain(host, h)]
        return min(shared, key=len, default=None)

    @cached_property
    def optional(self) -> tuple[CompiledCategory, ...]:
        """The categories that a visitor chooses."""
        return tuple(category for category in self.categories if not category.essential)

    @cached_property
    def paused(self) -> tuple[CompiledCategory, ...]:
        """The optional categories of which a tool was paused once, and is shown again."""
        return tuple(c for c in self.optional if any(tool.hidden[1] for tool in c.tools))

    @cached_property
    def asks(self) -> bool:
        """Whether there is anything to ask a visitor about."""
        return any(category.tools for category in self.optional)

    @cached_property
    def tools(self) -> Mapping[str, CompiledTool]:
        """Every enabled tool by its key."""
        return {tool.key: tool for category in self.categories for tool in category.tools}

    @cached_property
    def refusable(self) -> frozenset[str]:
        """The keys of the tools that a visitor can refuse one by one."""
        return frozenset(tool.key for category in self.optional for tool in category.tools)

    @cached_property
    def has_embeds(self) -> bool:
        """Whether an enabled tool is one that templates show."""
        return any(tool.embed for tool in self.tools.values())

    @cached_property
    def server_tools(self) -> tuple[CompiledTool, ...]:
        """The enabled tools that this website's server sends events to."""
        return tuple(tool for tool in self.tools.values() if tool.server)

    @cached_property
    def needed(self) -> Mapping[str, tuple[int, int]]:
        """Key of a category or tool to the category's position and the level that allows it.

        A tool never lends its allowance to a category that has the same key.
        """
        tools = {
            tool.key: (position, category.needed(tool.since))
            for position, category in enumerate(self.categories)
            for tool in category.tools
        }
        categories = {
            category.key: (position, category.needed(category.thresholds[0]))
            for position, category in enumerate(self.categories)
        }
        return {**tools, **categories}
