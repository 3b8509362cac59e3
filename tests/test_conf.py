"""The table of settings: what it reads, when, and what it says of values that are not allowed."""

import pytest
from django.test import override_settings

from consent.conf import ConsentSettings, conf, rules
from consent.conf.table import AppSettings, Setting


class OtherSettings(AppSettings):
    prefix = "CONSENT_OTHER_"

    HOSTS = Setting((), rules.HOSTS)
    KEY = Setting(None, rules.optional(rules.SECRETS), secret=True)


other = OtherSettings()


def test_default_counts_where_the_project_has_no_such_setting():
    assert conf.RETENTION_DAYS == 1_095
    assert other.HOSTS == ()


def test_setting_is_read_anew_whenever_it_is_overridden():
    assert conf.RETENTION_DAYS == 1_095
    with override_settings(CONSENT_RETENTION_DAYS=7):
        assert conf.RETENTION_DAYS == 7
    assert conf.RETENTION_DAYS == 1_095


def test_app_has_settings_of_its_own(settings):
    settings.CONSENT_OTHER_HOSTS = "localhost"

    ((setting, problem),) = other.problems()

    assert setting is OtherSettings.HOSTS
    assert problem == (
        "CONSENT_OTHER_HOSTS is 'localhost'; it has to be a list of hosts, such as "
        "['localhost:8001']."
    )


def test_secret_does_not_appear_in_a_problem(settings):
    settings.CONSENT_OTHER_KEY = "hunter2"

    ((_, problem),) = other.problems()

    assert problem == "CONSENT_OTHER_KEY is invalid; it has to be None or a list of secret texts."


def test_setting_that_was_read_once_is_not_looked_up_again(settings, monkeypatch):
    settings.CONSENT_RETENTION_DAYS = 7
    assert conf.RETENTION_DAYS == 7
    monkeypatch.setattr("consent.conf.table.settings", None)

    assert conf.RETENTION_DAYS == 7


@pytest.mark.parametrize("setting", ConsentSettings.declared(), ids=lambda setting: setting.name)
def test_default_is_allowed(setting):
    assert setting.problem(setting.default) == ""
