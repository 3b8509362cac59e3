"""What pasted code of a recognised vendor says that the recipe's tool will not do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from consent.recipes.recognition.evidence import Evidence
from consent.recipes.recognition.pieces import Piece

MOST_CALLS = 50
"""How many calls of one function in one piece are looked at."""

IsRead = Callable[[int, int], bool]
"""Says whether what is at a place, of the piece with this number, was read as a value."""

_ARGUMENTS = (
    r"(?:\.[\w$]{1,60})?\(\s{0,20}\[?\s{0,20}[\"'`]([\w $.:-]{1,80})[\"'`]"
    r"(?:\s{0,20},\s{0,20}[\"'`]([^\"'`\n]{1,80})[\"'`])?"
)
_OPTIONS = re.compile(r"\s{0,20},\s{0,20}\{([^{}]{1,1000})")
_OPTION = re.compile(r"[\"'`]?([A-Za-z_$][\w$]{1,60})[\"'`]?\s{0,5}:\s{0,5}([^,{}\n]{1,80})")


def further_values(evidence: Evidence, values: Mapping[str, str]) -> Iterator[str]:
    """Yield the values beside those that the tool has, such as a second ID."""
    parameters = evidence.facts.parameters
    seen = set(values.values())
    for hit in evidence.hits:
        for name, value in hit.values.items():
            if value not in seen and not parameters[name].choices:
                seen.add(value)
                yield value


def calls(
    evidence: Evidence, pieces: Sequence[Piece], numbers: Sequence[int], is_read: IsRead
) -> Iterator[str]:
    """Yield the calls of the vendor's functions that its recipe does not make."""
    for name in sorted(evidence.facts.functions):
        pattern = re.compile(re.escape(name) + _ARGUMENTS)
        for number in numbers:
            for call in islice(pattern.finditer(pieces[number].text), MOST_CALLS):
                texts = '", "'.join(filter(None, call.groups()))
                is_made = f'"{texts}"' in evidence.facts.own_code
                if not is_made and not is_read(number, call.start()):
                    yield call[0] + ")"


def options(evidence: Evidence, pieces: Sequence[Piece], is_read: IsRead) -> Iterator[str]:
    """Yield the options given to the vendor's functions that its recipe does not give."""
    for hit in evidence.hits:
        text = pieces[hit.piece].text
        given = _OPTIONS.match(text, hit.span[1]) if hit.span[1] else None
        for option in _OPTION.finditer(text, *given.span(1)) if given else ():
            is_given = option[1] in evidence.facts.own_words
            if not is_given and not is_read(hit.piece, option.start()):
                yield f"{option[1]}: {option[2].strip()}"
