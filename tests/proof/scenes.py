"""The former name of `tests.proof.helpers`."""

from tests.proof.helpers import *  # noqa: F403
