"""The former name of `tests.helpers`."""

from tests.helpers import *  # noqa: F403
