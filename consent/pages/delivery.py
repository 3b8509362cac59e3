"""The delivery modes: how the tools that a visitor allows reach their browser.

One object implements each mode, and CONSENT_DELIVERY names one of them. To add a mode, write a
class that implements `Delivery` and list it in `DELIVERY_MODES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from consent.conf import conf
from consent.pages import assets
from consent.policy import Selection, Standing
from consent.visitor import Consent


class Delivery(ABC):
    """A delivery mode: what the server writes into pages, and what it leaves to the script."""

    name: ClassVar[str]
    """The value of CONSENT_DELIVERY that selects this mode."""

    script: ClassVar[str]
    """The static file that each page loads."""

    is_cacheable: ClassVar[bool]
    """Whether a page is the same for all visitors; templates take it as ``cacheable``."""

    serves_bundles: ClassVar[bool]
    """Whether pages load the code of tools from script bundles."""

    @abstractmethod
    def selection(self, consent: Consent) -> Selection:
        """Return the tools whose code the server writes into the page."""

    @abstractmethod
    def csp_selection(self, consent: Consent) -> Selection:
        """Return the tools that the Content-Security-Policy of the page has to allow."""

    @abstractmethod
    def standing(self, consent: Consent) -> Standing | None:
        """Return the standing that notice and status show; None if the script fills it in."""

    @abstractmethod
    def regime(self, consent: Consent) -> str:
        """Return the regime of which the page tells its visitor."""

    @abstractmethod
    def script_decides(self, consent: Consent, key: str) -> bool:
        """Say whether only the page's script knows if the category or tool ``key`` is allowed."""

    @abstractmethod
    def is_seen_later(self, consent: Consent) -> bool:
        """Say whether the browser renders the page before the visitor sees it: nothing may run."""

    @abstractmethod
    def writes_inert(self, consent: Consent) -> bool:
        """Say whether tools are written inert, for the page's script to start them.

        That is so if a script fetched the response to insert it into a page that runs already, and
        if the browser renders the page before the visitor sees it.
        """

    @abstractmethod
    def needs_reload(self, consent: Consent) -> bool:
        """Say whether tools that are newly allowed can start only after the page is reloaded."""


class ServerDelivery(Delivery):
    """The server writes the allowed tools into each visitor's page."""

    name = "server"
    script = assets.SCRIPT
    is_cacheable = False
    serves_bundles = False

    def selection(self, consent: Consent) -> Selection:
        """Return the tools that the visitor allows."""
        return consent.standing.selection

    def csp_selection(self, consent: Consent) -> Selection:
        """Return the tools that the visitor allows."""
        return consent.standing.selection

    def standing(self, consent: Consent) -> Standing | None:
        """Return the visitor's own standing."""
        return consent.standing

    def regime(self, consent: Consent) -> str:
        """Return the regime of the visitor's region."""
        return consent.regime

    def script_decides(self, consent: Consent, key: str) -> bool:
        """Say whether what is allowed now has to wait until the page is seen."""
        return consent.reader.is_prerendered and consent.allows(key)

    def is_seen_later(self, consent: Consent) -> bool:
        """Say whether ``Sec-Purpose`` says so."""
        return consent.reader.is_prerendered

    def writes_inert(self, consent: Consent) -> bool:
        """Say whether ``Sec-Fetch-Dest`` or ``Sec-Purpose`` says so."""
        return consent.reader.fetched or consent.reader.is_prerendered

    def needs_reload(self, consent: Consent) -> bool:
        """Return True where the Content-Security-Policy follows the visitor's choice."""
        return consent.is_guarded


class CacheableDelivery(Delivery):
    """Pages are the same for everybody; their script loads the tools that the visitor allows."""

    name = "cacheable"
    script = assets.CACHEABLE_SCRIPT
    is_cacheable = True
    serves_bundles = True

    def selection(self, consent: Consent) -> Selection:
        """Return the essential tools, which every visitor gets."""
        return consent.policy.refused

    def csp_selection(self, consent: Consent) -> Selection:
        """Return all tools: any visitor may get the page."""
        return consent.policy.everything

    def standing(self, consent: Consent) -> Standing | None:
        """Return None: the page is nobody's own."""
        return None

    def regime(self, consent: Consent) -> str:
        """Return the strictest regime that applies anywhere, since the visitor may be anywhere."""
        return consent.policy.strictest

    def script_decides(self, consent: Consent, key: str) -> bool:
        """Say whether the policy has ``key``: the server knows nothing else about it."""
        return key in consent.policy.needed

    def is_seen_later(self, consent: Consent) -> bool:
        """Return False: the script runs nothing before the page is seen."""
        return False

    def writes_inert(self, consent: Consent) -> bool:
        """Return False: the response may not depend on who asks."""
        return False

    def needs_reload(self, consent: Consent) -> bool:
        """Return False: the Content-Security-Policy allows all tools from the start."""
        return False


_SERVER = ServerDelivery()
DELIVERY_MODES: dict[str, Delivery] = {mode.name: mode for mode in (_SERVER, CacheableDelivery())}


def delivery_mode() -> Delivery:
    """Return the mode that CONSENT_DELIVERY names; ``server`` if a check reports the name."""
    return DELIVERY_MODES.get(conf.DELIVERY, _SERVER)
