"""The bare view's app."""

from django.apps import AppConfig


class LoadConfig(AppConfig):
    """Has one table: see `models`."""

    name = "tests.benchmarks.load"
    label = "load"
