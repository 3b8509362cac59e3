"""One page: the parts that the app writes into it, each of them once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent.pages import rendering
from consent.pages.consent_signals import insert_consent
from consent.pages.delivery import delivery_mode
from consent.pages.markup import inert_tool
from consent.pages.nonce import nonce_of
from consent.pages.rendering import Variant
from consent.pages.script_bundles import bundle_directory
from consent.pages.template_data import policy_data, url_data
from consent.policy import CompiledTool, Selection
from consent.policy.decision import today
from consent.recipes.markers import NONCE, without_nonce
from consent.visitor import Consent, consent_of


def page_of(request: HttpRequest | None) -> Page:
    """Return the page that answers ``request``, always the same; raises as `consent_of` does."""
    consent = consent_of(request)
    page: Page | None = consent.page
    if page is None:
        page = consent.page = Page(consent, nonce_of(request))
    return page


class Page:
    """The parts of one page, and which of them were written already.

    ``nonce``: the request's, escaped, or "". Most markup that the methods return was rendered
    before, for another page with the same policy, language and state of consent. It may contain the
    mark of the nonce, for `finish` to fill in.
    """

    __slots__ = (
        "_embed_parts",
        "_full_placements",
        "_has_stylesheet",
        "_nonce",
        "_written",
        "consent",
        "delivery",
        "loaded_once",
        "policy",
        "variant",
    )

    def __init__(self, consent: Consent, nonce: str) -> None:
        self.consent = consent
        self.policy = consent.policy
        self.delivery = delivery = delivery_mode()
        self._nonce = nonce
        self.variant = Variant(delivery, nonce != "", delivery.needs_reload(consent))
        # Keys of the tools that were written, and the placements that have all of theirs.
        self._written: set[str] = set()
        self._full_placements: set[str] = set()
        self._has_stylesheet = False
        self._embed_parts: set[str] = set()
        # Tools that the visitor asked to load on this page, without allowing them for others.
        self.loaded_once: list[CompiledTool] = []

    @property
    def selection(self) -> Selection:
        """The tools whose code the server writes into this page."""
        return self.delivery.selection(self.consent)

    @property
    def regime(self) -> str:
        """The regime of which this page tells its visitor."""
        return self.delivery.regime(self.consent)

    def writes(self, key: str) -> bool:
        """Say whether what needs the category or tool ``key`` is written as it is, and so runs."""
        return self.selection.allows(key) and not self.delivery.is_seen_later(self.consent)

    def head(self) -> str:
        """Return the scripts that every page of the site loads, and the tools of the head.

        If the policy has embeds, their script is among them: one may be added to the page later.
        """
        if self._full_placements or self._written or self._embed_parts or self._writes_inert:
            return self._scripts() + self.tools_in("head")
        # A page has nothing of ours yet, as most pages, so that one look-up returns all of it.
        self._full_placements.add("head")
        if self.policy.has_embeds:
            self._embed_parts.add("embed_script.html")
        key = ("head and scripts", self.variant, self.selection.state)
        return self.policy.rendered.get(key, self._render_head)[0]

    def tools_in(self, placement: str) -> str:
        """Return the tools of ``placement`` (head or body) that were not written yet."""
        if placement in self._full_placements:
            return ""
        if self._writes_inert or (self._written and self._has_begun(placement)):
            return self.tools(tool for tool in self.selection.tools if tool.placement == placement)
        self._full_placements.add(placement)
        key = (placement, self.selection.state, self.variant.has_nonce)
        return self.policy.rendered.get(key, lambda: [self._join_tools(placement)])[0]

    def tools(self, tools: Iterable[CompiledTool]) -> str:
        """Return the code of ``tools``, except for those that were written already.

        In a fragment the code is inert: the page that inserts it may run the same tools, and its
        script starts each of them once.
        """
        new = [tool for tool in tools if tool.markup and self._is_new(tool)]
        self._written.update(tool.key for tool in new)
        wrap = inert_tool if self._writes_inert else _as_it_is
        return self._code("".join(wrap(tool, tool.markup) for tool in new))

    def stylesheet(self) -> str:
        """Return the link to the stylesheet, once a page, before the first part that needs it.

        In the head it would block rendering.
        """
        if self._has_stylesheet:
            return ""
        self._has_stylesheet = True
        return self._constant("stylesheet.html")

    def embed_parts(self, *, has_placeholder: bool) -> str:
        """Return stylesheets and script that an embed needs, once a page."""
        stylesheet = self.stylesheet() if has_placeholder else ""
        return (
            stylesheet
            + self._embed_part("embed_style.html")
            + self._embed_part("embed_script.html")
        )

    @contextmanager
    def inert_content(self) -> Iterator[None]:
        """Render content that may stay inert: parts written within it count as not written."""
        before = self._has_stylesheet, set(self._embed_parts)
        yield
        self._has_stylesheet, self._embed_parts = before

    def embed_placeholder(
        self, key: tuple[Hashable, ...], data: Callable[[], Mapping[str, object]]
    ) -> str:
        """Return the markup that asks for an embed; ``key``: all that ``data`` depends on."""
        return self.with_address(
            rendering.individual("embed.html", self.policy, self.variant, data, (key, self.regime))
        )

    def policy_table(self) -> str:
        """Return the table of the policy page, and the stylesheet once a page."""

        def data() -> Mapping[str, object]:
            return policy_data(self.policy, self.policy.strictest)

        return self._shared("policy_table.html", data)

    def preferences_button(self) -> str:
        """Return the control that opens the preferences, and the stylesheet once a page."""
        return self._shared("preferences_button.html", lambda: url_data(self.policy))

    def preferences_dialog(self) -> str:
        """Return the preferences dialog, which the page's script fills in."""
        day, posted = today(), self.consent.reader.is_post

        def data() -> Mapping[str, object]:
            return {
                **policy_data(self.policy, self.regime),
                "day": str(day),
                "posted": posted,
                "stopped": self.policy.is_stopped,
                "issued": ".".join(map(str, sorted(self.policy.issued))),
                "tools_url": bundle_directory(self.policy),
                "has_rules": self.policy.has_rules,
            }

        return self._shared("preferences_dialog.html", data, (self.regime, day, posted))

    def with_address(self, pieces: Sequence[str]) -> str:
        """Join the pieces of rendered markup around the address that forms return to."""
        return pieces[0] if len(pieces) == 1 else self.consent.address.join(pieces)

    def finish(self, *parts: str) -> SafeString:
        """Join ``parts`` and fill in the request's nonce, if there is one."""
        markup = "".join(parts)
        return SafeString(markup.replace(NONCE, self._nonce) if self._nonce else markup)

    def _scripts(self) -> str:
        embeds = self._embed_part("embed_script.html") if self.policy.has_embeds else ""
        return self._constant("head.html") + embeds

    def _render_head(self) -> Sequence[str]:
        embeds = self._constant("embed_script.html") if self.policy.has_embeds else ""
        return [self._constant("head.html") + embeds + self._join_tools("head")]

    def _join_tools(self, placement: str) -> str:
        tools = (tool for tool in self.selection.tools if tool.placement == placement)
        return self._code("".join(tool.markup for tool in tools))

    def _code(self, markup: str) -> str:
        """Return the markup of tools with this visitor's consent in it."""
        code = insert_consent(markup, self.selection)
        return code if self._nonce else without_nonce(code)

    def _embed_part(self, template: str) -> str:
        if template in self._embed_parts:
            return ""
        self._embed_parts.add(template)
        return self._constant(template)

    def _constant(self, template: str) -> str:
        return rendering.constant(template, self.policy, self.variant)

    def _shared(
        self, template: str, data: Callable[[], Mapping[str, object]], shows: Hashable = ""
    ) -> str:
        before = "" if self._has_stylesheet else "stylesheet.html"
        self._has_stylesheet = True
        return self.with_address(
            rendering.shared(template, self.policy, self.variant, data, shows=shows, before=before)
        )

    @property
    def _writes_inert(self) -> bool:
        return self.delivery.writes_inert(self.consent)

    def _has_begun(self, placement: str) -> bool:
        return any(self.policy.tools[key].placement == placement for key in self._written)

    def _is_new(self, tool: CompiledTool) -> bool:
        return tool.key not in self._written and tool.placement not in self._full_placements


def _as_it_is(tool: CompiledTool, markup: str) -> str:
    return markup
