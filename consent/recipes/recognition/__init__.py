"""Recognises known vendors in pasted code by the facts of their recipes, and looks into the rest.

`recognise` and `analyse` take text as a person pastes it: minified, commented, with the curly
quotes of a mail program, or a bare ID. They neither run nor fetch anything. At most
`MOST_CHARACTERS` are read, and every pattern has bounded repetitions, so that the time grows with
the size of the text alone.
"""

from consent.recipes.recognition.analysis import Analysis, analyse
from consent.recipes.recognition.reading import Recognised
from consent.recipes.recognition.recognising import Recognition, recognise
from consent.recipes.recognition.text import MOST_CHARACTERS

__all__ = ["MOST_CHARACTERS", "Analysis", "Recognised", "Recognition", "analyse", "recognise"]
