"""The visitor's consent, behind ``request.consent``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from types import MappingProxyType
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.exceptions import DisallowedHost
from django.db import Error, router, transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext

from consent.conf import conf
from consent.events import writing
from consent.events.writing import Origin
from consent.models import Delivery, Record
from consent.policy import CompiledPolicy, CompiledTool, Selection, Standing, policies
from consent.policy.decision import SECONDS_PER_DAY, Decision, parse, today
from consent.proof import recording
from consent.proof.recording import IN_CODE, Draft, Occasion
from consent.recipes.keys import MAX_CATEGORIES, MAX_COOKIE_LENGTH, is_category_key
from consent.regions import locating
from consent.visitor import cookie_cleanup
from consent.visitor.cookie_cleanup import CleanUp

logger = logging.getLogger("consent")


class InvalidChoicesError(ValueError):
    """Choices that the policy does not offer. ``errors``: category key to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(errors.values())))
        self.errors = errors


class PolicyUnavailableError(Exception):
    """Something was granted while no policy could be read: a grant needs to know of what."""


class NotRecordedError(Exception):
    """A grant could not be recorded, so it does not count. What was refused with it does."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that came after the visitor's decision. ``name``: the tool, or None for all."""

    name: str | None
    category: str


class Consent:
    """What one visitor allows, read from the request's preference cookie when first asked for.

    ``Consent(None)`` knows no visitor: it allows only what is essential and never asks.
    """

    # In tests, what stands for every visitor's cookie, the last one now: see `consent.testing`.
    pretended: ClassVar[list[Callable[[CompiledPolicy], str]]] = []

    def __init__(self, request: HttpRequest | None) -> None:
        self._request = request
        self._vary: list[str] = []
        self._is_private = False
        self._decided: Decision | None = None
        self._draft: Draft | None = None
        self._forgets = False
        self._drops = False
        # False once a refusal waits for its record to be stored.
        self.is_recorded = True
        # What the app writes into the page: see `consent.pages.page`.
        self.page: Any = None
        # True where the page's Content-Security-Policy lets only those tools load that are allowed
        # now: what is allowed later then needs a new page.
        self.is_guarded = False

    @property
    def is_blind(self) -> bool:
        """Whether there is no visitor to know: neither to ask nor to answer."""
        return self._request is None

    @cached_property
    def address(self) -> str:
        """The page's path and query, escaped for an attribute."""
        return "" if self._request is None else escape(self._request.get_full_path())

    @cached_property
    def policy(self) -> CompiledPolicy:
        """The policy that holds for this request: where there are several, by its host."""
        return policies.current(self._host)

    @cached_property
    def fetched(self) -> bool:
        """Whether a script fetched this page, to put it into another that is running already."""
        self._depends_on("Sec-Fetch-Dest")
        return self._header("HTTP_SEC_FETCH_DEST") == "empty"

    @cached_property
    def standing(self) -> Standing:
        """What the cookie comes to today; without a request, only what is essential."""
        if self._request is None:
            return replace(self.policy.stand(None, self.policy.refused), must_ask=False)
        return self._stand(self._cookie())

    @cached_property
    def regime(self) -> str:
        """What holds while the visitor has not chosen: where the policy has rules, by the region.

        Only then the region is looked at, by CONSENT_REGION.
        """
        policy = self.policy
        if not policy.has_rules or self._request is None:
            return policy.strictest
        headers = locating.headers()
        if headers is None:
            # No header of the request says for whom this answer is.
            self._is_private = True
        for header in headers or ():
            self._depends_on(header)
        return policy.regimes.at(locating.region_of(self._request))

    @property
    def opts_out(self) -> bool:
        """Whether the browser asks not to sell or share data: by Sec-GPC, or DNT (CONSENT_DNT).

        https://www.w3.org/TR/gpc/#the-sec-gpc-header-field-for-http-requests
        """
        return self._header("HTTP_SEC_GPC") == "1" or (conf.DNT and self._header("HTTP_DNT") == "1")

    @property
    def is_opted_out(self) -> bool:
        """Whether something is off since the browser asks not to sell or share data."""
        return self.standing.opted_out

    @property
    def decision(self) -> Decision | None:
        """The decision that holds now; None while undecided, and where the cookie is not clear."""
        return self.standing.decision

    @property
    def selection(self) -> Selection:
        """The tools that are allowed now."""
        return self.standing.selection

    def aside(self) -> Consent:
        """Return the same visitor, for what the response does not depend on: no `Vary` for it."""
        return self if "standing" in self.__dict__ else Consent(self._request)

    @property
    def origin(self) -> Origin:
        """Whom an event is about that is sent now."""
        subject = recording.subject_of(self._secret_now) if self._secret_now else None
        return Origin(self.policy, self.standing, self.regime, self.opts_out, subject, self._user())

    @property
    def choices(self) -> dict[str, bool | None]:
        """Each optional category's key: True granted, False refused, None not asked yet."""
        keys = (category.key for category in self.policy.optional)
        return dict(zip(keys, self.standing.choices, strict=True))

    @property
    def refused_tools(self) -> frozenset[str]:
        """Keys of the tools that the visitor refused in categories that they granted."""
        return self.selection.without

    def allows(self, key: str) -> bool:
        """Say whether the category or tool with this key may run for this visitor."""
        return self.selection.allows(key)

    @property
    def must_ask(self) -> bool:
        """Whether the visitor is to be asked: not decided yet, or something is newer."""
        return self.policy.asks and self.standing.must_ask

    @property
    def news(self) -> tuple[News, ...]:
        """What came after the decision in categories that were granted, or never seen.

        A refusal is not nagged again before it expires.
        """
        decision = self.decision
        if decision is None:
            return ()
        found: list[News] = []
        for category in self.policy.optional:
            granted = decision.granted(category.key)
            if not category.has_news(decision):
                continue
            if category.level(granted):
                found += [News(t.name, category.name) for t in category.tools if t.since > granted]
            else:
                found.append(News(None, category.name))
        return tuple(found)

    @cached_property
    def clean_up(self) -> CleanUp:
        """What the tools that are not allowed now may have left in the browser."""
        return cookie_cleanup.clean_up(self.policy, self.selection)

    @cached_property
    def secret(self) -> str:
        """What the subject's cookie holds; "" where there is none, or none that could be one."""
        if self._request is None:
            return ""
        self._depends_on("Cookie")
        secret = self._request.COOKIES.get(self.policy.subject_cookie_name, "")
        return secret if recording.is_secret(secret) else ""

    def decide(
        self,
        choices: Mapping[str, bool],
        *,
        partial: bool = False,
        shown: int | None = None,
        occasion: Occasion = IN_CODE,
    ) -> None:
        """Take the visitor's choices: category key to True (granted) or False (refused).

        Where the policy lets visitors choose single tools, also tool key to False (refused in a
        category that is granted) or True (no longer); one that is not named stays as it was.
        ``partial``: categories that are not named stay as they were, covering no more than they
        did. Otherwise each optional category has to be named. ``shown``: the policy's revision
        that the visitor's page showed (0: none), where that is known; what came later is not
        granted. The decision is recorded, and the response sets the cookies; in a transaction both
        come to nothing where that is rolled back, but for what was refused.

        Raises InvalidChoicesError where a choice is none of the policy's, and
        PolicyUnavailableError where there is none to grant by; neither changes anything. Raises
        NotRecordedError where a grant cannot be recorded; what was refused with it is honoured.
        """
        if self.is_blind:
            raise PolicyUnavailableError
        if not self.policy:
            self._refuse_unseen(choices)
            return
        if shown == 0 and any(choices.values()):
            raise PolicyUnavailableError
        if errors := self._errors(choices, partial=partial, shown=shown):
            raise InvalidChoicesError(errors)
        revision = self.policy.revision if shown is None else min(shown, self.policy.revision)
        kept = self._kept(choices) if partial else {}
        made = {
            category.key: self._grant(category.key, revision) if choices[category.key] else 0
            for category in self.policy.optional
            if category.key in choices
        }
        categories = {**kept, **made}
        decision = Decision(
            self.policy.revision,
            # What was granted earlier is not to outlive its term by a choice about something else.
            self.decision.day if self.decision and any(kept.values()) else today(),
            MappingProxyType({**categories, **self._refused(choices, categories)}),
            opt_out=self._overrides(),
        )
        if len(decision.text) > MAX_COOKIE_LENGTH:
            message = gettext("These are too many single tools; refuse a whole category instead.")
            raise InvalidChoicesError({"choices": message})
        self._settle(decision, revision, occasion)

    def accept_all(self, *, shown: int | None = None, occasion: Occasion = IN_CODE) -> None:
        """Take the visitor's agreement to every optional category; ``shown`` as in `decide`.

        Raises PolicyUnavailableError where no policy could be read, and NotRecordedError where
        the agreement cannot be recorded.
        """
        if not self.policy:
            raise PolicyUnavailableError
        categories = {category.key: True for category in self.policy.optional}
        self.decide(
            {**categories, **dict.fromkeys(self.refused_tools, True)},
            shown=shown,
            occasion=occasion,
        )

    def reject_all(self, *, occasion: Occasion = IN_CODE) -> None:
        """Take the visitor's refusal of every optional category, policy and database or not."""
        choices = {category.key: False for category in self.policy.optional}
        self.decide(choices, occasion=occasion)

    def withdraw(self, *, forget: bool = False, occasion: Occasion = IN_CODE) -> None:
        """Take back whatever the visitor granted.

        ``forget``: the browser also drops the cookie by which it reads its own records.
        """
        self.reject_all(occasion=replace(occasion, withdraws=True))
        self._forgets = forget

    def adopt(self, decision: Decision, occasion: Occasion) -> None:
        """Take a decision that the same person made elsewhere, as it was made, and record it.

        Raises NotRecordedError as `decide` does.
        """
        known = {category.key for category in self.policy.optional} | self.policy.refusable
        choices = {key: at for key, at in decision.choices.items() if key in known}
        adopted = replace(decision, choices=MappingProxyType(choices))
        self._settle(adopted, decision.revision, occasion)

    def drop(self) -> None:
        """Forget what this browser decided, and which records are its own, as if it were new."""
        self._drops = True
        self._draft = self._decided = None
        self.__dict__.update(secret="", _before=None)
        self.standing = self._stand(None)

    async def adecide(self, choices: Mapping[str, bool], **options: Any) -> None:
        """Do what `decide` does, in async code."""
        await sync_to_async(self.decide)(choices, **options)

    async def aaccept_all(self, **options: Any) -> None:
        """Do what `accept_all` does, in async code."""
        await sync_to_async(self.accept_all)(**options)

    async def areject_all(self, **options: Any) -> None:
        """Do what `reject_all` does, in async code."""
        await sync_to_async(self.reject_all)(**options)

    async def awithdraw(self, **options: Any) -> None:
        """Do what `withdraw` does, in async code."""
        await sync_to_async(self.withdraw)(**options)

    def finish(self, response: HttpResponseBase) -> None:
        """Give ``response`` the cookies of a decision made, and a true ``Vary``."""
        if self._draft is not None and not self._draft.holds():
            self._fall_back(self._draft)
        if self._drops:
            self._drop_cookies(response)
        if self._decided is not None:
            self._set_cookie(response, self._decided)
            self._set_subject(response)
            self._delete_cookies(response)
        if self._vary and response.has_header("Vary"):
            patch_vary_headers(response, self._vary)
        elif self._vary:
            response.headers["Vary"] = ", ".join(self._vary)
        if self._is_private:
            patch_cache_control(response, private=True)

    def _cookie(self) -> str | None:
        """Return the preference cookie's text, "" where that is too long; None: no cookie."""
        if self._request is None:
            return None
        self._depends_on("Cookie")
        if self.pretended:
            return self.pretended[-1](self.policy)
        text = self._request.COOKIES.get(self.policy.cookie_name)
        return "" if text is not None and len(text) > MAX_COOKIE_LENGTH else text

    def _stand(self, text: str | None) -> Standing:
        """Return what ``text`` comes to here and now; looks at no more than it depends on."""
        policy = self.policy
        regime = self.regime if text is None else policy.regime
        if policy.sales:
            self._depends_on("Sec-GPC")
            if conf.DNT:
                self._depends_on("DNT")
        return policy.standing(text, today(), regime, bool(policy.sales) and self.opts_out)

    def _host(self) -> str:
        """Return the name of the host that is asked; "" where the request names none that may."""
        try:
            return split_domain_port(self._request.get_host())[0] if self._request else ""
        except DisallowedHost:
            return ""

    @property
    def _domain(self) -> str | None:
        """``Domain`` of the cookies that this host's answer sets."""
        return self.policy.cookie_domain(self._host() if self.policy.hosts else "")

    def _depends_on(self, header: str) -> None:
        if header not in self._vary:
            self._vary.append(header)

    def _header(self, name: str) -> str:
        # Not from `request.headers`, which takes all of them apart first.
        return "" if self._request is None else self._request.META.get(name, "")

    def _errors(
        self, choices: Mapping[str, bool], *, partial: bool, shown: int | None
    ) -> dict[str, str]:
        known = {category.key: category for category in self.policy.categories}
        tools = self.policy.refusable if self.policy.tool_choices else self.refused_tools
        errors = {}
        for key, granted in choices.items():
            if key in tools:
                continue
            if key not in known:
                errors[key] = gettext("There is no category with this key.")
            elif known[key].essential and not granted:
                errors[key] = gettext("An essential category cannot be refused.")
        for category in self.policy.optional:
            if category.key not in choices and category.was_shown(shown) and not partial:
                errors[category.key] = gettext("This category is missing: choose true or false.")
        return errors

    def _grant(self, category: str, revision: int) -> int:
        """Return the revision of a grant made now: an older page takes nothing back."""
        return max(revision, self.decision.granted(category) if self.decision else 0)

    def _kept(self, choices: Mapping[str, bool]) -> dict[str, int]:
        """Return what stays of the decision beside ``choices``: grants at their old revision."""
        if self.decision is None:
            return {}
        return {
            category.key: self.decision.choices[category.key]
            for category in self.policy.optional
            if category.key in self.decision.choices and category.key not in choices
        }

    def _refused(
        self, choices: Mapping[str, bool], categories: Mapping[str, int]
    ) -> dict[str, int]:
        """Return the tools to refuse in those ``categories`` that are granted."""
        refusable = self.policy.refusable
        refused = {key: 0 for key in choices if key in refusable and not choices[key]}
        kept = {key: 0 for key in self.refused_tools if key not in choices}
        return {
            key: 0
            for key in sorted({*refused, *kept})
            # Nothing is to be refused in a category that nobody has decided on.
            if categories.get(self.policy.tools[key].category)
        }

    def _overrides(self) -> bool:
        """Say whether the decision is made although the browser opts out: it counts for more."""
        return bool(self.policy.sales) and self.opts_out

    def _refuse_unseen(self, choices: Mapping[str, bool]) -> None:
        """Take a refusal although no policy could be read: of what was named, now and before."""
        if any(choices.values()):
            raise PolicyUnavailableError
        named = [key for key in choices if is_category_key(key)][:MAX_CATEGORIES]
        before = self._before
        known = before.choices if before else {}
        refused = dict.fromkeys(named or known, 0)
        self._take(Decision(self.policy.revision, today(), MappingProxyType(refused)))

    def _take(self, decision: Decision) -> None:
        self.__dict__.pop("clean_up", None)
        self.standing = self.policy.stand(decision, signal=self._overrides())
        self._decided = decision

    # The proof of it

    @cached_property
    def _before(self) -> Decision | None:
        """What the visitor decided before this request, whether it still holds or not."""
        return parse(self._cookie() or "")

    @property
    def _secret_now(self) -> str:
        """What the subject's cookie will hold, once the response has set it."""
        return self._draft.secret if self._draft else self.secret

    def _settle(self, decision: Decision, shown: int, occasion: Occasion) -> None:
        """Record ``decision`` and take it; or take what needs no record, and raise."""
        draft = Draft(
            decision=decision,
            held=self.decision,
            before=self._before,
            shown=shown,
            occasion=occasion,
            policy=self.policy,
            # The same visitor's, also where one request decides twice.
            secret=self._secret_now,
            regime=self.regime,
            # What was decided elsewhere was decided with the signal of there.
            gpc=self.opts_out if occasion.decided_at is None else decision.opt_out,
            decided_at=occasion.decided_at or timezone.now(),
            user=self._user(),
        )
        if self.secret and decision == self.decision and occasion.key is None:
            # The form came twice, from a page that could give it no key.
            self._take(decision)
        elif not conf.RECORDS:
            self._take(decision)
            draft.announce()
            self._tell_unrecorded(draft)
        else:
            self._record(draft)

    def _record(self, draft: Draft) -> None:
        try:
            self._store(draft)
        except Error as error:
            if not self._fall_back(draft):
                raise NotRecordedError from error
            return
        self._draft = draft
        self._take(draft.decision)
        draft.announce()

    def _store(self, draft: Draft) -> None:
        """Store the record, and with it, or not at all, what tools are told of the decision."""
        if not self._hearing:
            draft.store()
            return
        with transaction.atomic(using=router.db_for_write(Record)):
            draft.store()
            if draft.is_new:
                self._tell(draft)

    @property
    def _hearing(self) -> tuple[CompiledTool, ...]:
        """The tools that are told of decisions."""
        return tuple(tool for tool in self.policy.server_tools if tool.hears_decisions)

    def _tell(self, draft: Draft) -> None:
        """Write the event of the decision for those tools that it allows."""
        name = draft.event_name
        if not name or not self._hearing:
            return
        standing = self.policy.stand(draft.decision, signal=self._overrides())
        subject = recording.subject_of(draft.secret) if draft.secret else None
        origin = Origin(self.policy, standing, draft.regime, draft.gpc, subject, draft.user)
        writing.write(origin, name, draft.event.told, self._hearing)

    def _tell_unrecorded(self, draft: Draft) -> None:
        """Do so where nothing is recorded: a decision holds, whatever becomes of the event."""
        if not self._hearing:
            return
        try:
            # Apart: a transaction that is open outlives it.
            with transaction.atomic(using=router.db_for_write(Delivery)):
                self._tell(draft)
        except Error:
            logger.exception("What tools were to be told of a decision could not be stored.")

    def _fall_back(self, draft: Draft) -> bool:
        """Take what of a decision holds without a record; return whether that is all of it."""
        self._draft = self._decided = None
        self.__dict__.pop("standing", None)
        refusal = draft.refusal()
        if refusal is not None:
            refusal.postpone()
            self.is_recorded = False
            self._take(refusal.decision)
            refusal.announce()
        return refusal is not None and refusal.decision.choices == draft.decision.choices

    def _user(self) -> str:
        """Return the primary key of who is logged in, where records may name them."""
        user = getattr(self._request, "user", None) if conf.RECORD_USER else None
        try:
            return str(user.pk) if user is not None and user.is_authenticated else ""
        except Error:
            # What is to be recorded is about to fail, or to do without.
            return ""

    def _set_cookie(self, response: HttpResponseBase, decision: Decision) -> None:
        response.set_cookie(
            self.policy.cookie_name,
            decision.text,
            max_age=self._age(decision),
            path=conf.COOKIE_PATH,
            domain=self._domain,
            secure=self._is_secure(),
            samesite=conf.COOKIE_SAMESITE,
        )

    def _set_subject(self, response: HttpResponseBase) -> None:
        """Set the subject's cookie once something is recorded, or renew it; or drop it."""
        secret = self._secret_now
        if self._forgets or not conf.RECORDS:
            if self.secret:
                self._delete_subject(response)
        elif secret:
            response.set_cookie(
                self.policy.subject_cookie_name,
                secret,
                max_age=self._age(None),
                path=self._subject_path,
                domain=self._domain,
                secure=self._is_secure(),
                httponly=True,
                samesite=conf.COOKIE_SAMESITE,
            )

    @property
    def _subject_path(self) -> str:
        """The path of the subject's cookie: the app's own, unless more of the site has to see it.

        Where events are sent, all of it: by the subject a withdrawal finds what is on its way.
        """
        if conf.SUBJECT_COOKIE_PATH:
            return conf.SUBJECT_COOKIE_PATH
        if conf.LOGIN_SYNC or self.policy.server_tools:
            return "/"
        return self._own_path

    @property
    def _own_path(self) -> str:
        key = ("subject's path", get_language())
        return self.policy.parts.get(
            key, lambda: [reverse("consent:preferences").removesuffix("preferences/")]
        )[0]

    def _drop_cookies(self, response: HttpResponseBase) -> None:
        response.delete_cookie(
            self.policy.cookie_name, conf.COOKIE_PATH, self._domain, conf.COOKIE_SAMESITE
        )
        self._delete_subject(response)

    def _delete_subject(self, response: HttpResponseBase) -> None:
        """Expire the subject's cookie; also where it was kept before, or will be kept again."""
        name = self.policy.subject_cookie_name
        for path in dict.fromkeys((self._own_path, self._subject_path)):
            if name in response.cookies:
                # Django keeps one header a key.
                response.cookies[f"{name} elsewhere"] = response.cookies.pop(name)
            response.delete_cookie(name, path, self._domain, conf.COOKIE_SAMESITE)

    def _age(self, decision: Decision | None) -> int:
        """Return for how many seconds the browser keeps a cookie: of ``decision``, or of now.

        With login sync not beyond the user's session: whoever comes next is somebody else.
        """
        day = decision.day if decision else today()
        age = (day + self.policy.lifetime_days - today()) * SECONDS_PER_DAY
        if conf.LOGIN_SYNC and self._user():
            return min(age, int(self._request.session.get_expiry_age()))  # type: ignore[union-attr]
        return age

    def _is_secure(self) -> bool:
        if conf.COOKIE_SECURE is None:
            return self._request is not None and self._request.is_secure()
        return conf.COOKIE_SECURE

    def _delete_cookies(self, response: HttpResponseBase) -> None:
        """Expire what stopped tools left, as the page's script cannot do with HttpOnly cookies."""
        if self._request is None or not cookie_cleanup.has_others(self._request, self.policy):
            return
        for morsel in cookie_cleanup.deletions(self._request, self.clean_up):
            # Django keeps one header a key; a name is deleted in several places.
            response.cookies[f"{morsel.key} {morsel['path']} {morsel['domain']}"] = morsel
