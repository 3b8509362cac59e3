"""A website without consent, and without tools."""

from tests.benchmarks.website.urls import pages

urlpatterns = pages


def seed(tools: int) -> None:
    pass


def cookie(visitor: str) -> str:
    return ""
