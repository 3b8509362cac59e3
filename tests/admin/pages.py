"""The former name of `tests.admin.helpers`."""

from tests.admin.helpers import *  # noqa: F403
