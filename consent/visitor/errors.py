"""The exceptions that a decision raises."""

from __future__ import annotations

from collections.abc import Mapping


class InvalidChoicesError(ValueError):
    """The choices contain keys or values that the policy does not allow.

    ``errors``: category or tool key to what is wrong with it.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(errors.values())))
        self.errors = errors


class PolicyUnavailableError(Exception):
    """A grant was made while no policy could be read; only a refusal counts then."""

    def __init__(self) -> None:
        super().__init__("No policy could be read, so nothing can be granted.")


class NotRecordedError(Exception):
    """The record of a grant could not be stored, so the grant does not count.

    What was refused together with it counts.
    """

    def __init__(self) -> None:
        super().__init__("The record of this grant could not be stored, so it does not count.")


class TooManyDecisionsError(Exception):
    """The client has had as many decisions stored as CONSENT_THROTTLE_RATE allows.

    A grant does not count; what was refused together with it counts, without a record.
    ``seconds``: after how many the client may decide again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many decisions; the next is possible in {seconds} seconds.")
        self.seconds = seconds
