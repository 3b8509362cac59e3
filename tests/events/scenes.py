"""The former name of `tests.events.helpers`."""

from tests.events.helpers import *  # noqa: F403
