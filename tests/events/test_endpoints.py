"""Where events may be sent: what is an address, and what is public."""

import re
from ipaddress import ip_address

import pytest

from consent.events.endpoints import EndpointError, is_public, problem_of, read

PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::101:101")
NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_address_of_the_internet_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_address_of_a_network_of_ones_own_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://hooks.example", "hooks.example", 443, "/"),
        ("https://Hooks.Example./in?a=b", "hooks.example", 443, "/in?a=b"),
        ("https://hooks.example:8443/in#part", "hooks.example", 8443, "/in"),
    ],
)
def test_address_is_taken_apart(text, host, port, target):
    assert read(text)[1:] == (host, port, target)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "start with https://"),
        ("ftp://hooks.example", "start with https://"),
        ("//hooks.example", "start with https://"),
        ("https://", "start with https://"),
        ("https:///in", "start with https://"),
        ("https://hooks.example\\@10.0.0.1/", "start with https://"),
        ("https://hooks.example/a b", "start with https://"),
        ("https://hooks.example/\r\nX-Header:1", "start with https://"),
        ("https://hööks.example/", "start with https://"),
        ("https://hooks.example:99999/", "no address"),
        ("https://[::1/", "no address"),
        ("http://hooks.example/", "unencrypted"),
        ("https://ada@hooks.example/", "leave it out"),
        ("https://ada:secret@hooks.example/", "leave it out"),
        ("https://127.0.0.1/", "127.0.0.1 is not public"),
        ("https://[::1]/", "::1 is not public"),
        ("https://[::ffff:10.0.0.1]/", "is not public"),
        ("https://hooks_example/", "no name of a host"),
        ("https://-hooks.example/", "no name of a host"),
    ],
)
def test_address_that_is_not_to_be_used_says_why(text, part):
    assert part in problem_of(text)
    with pytest.raises(EndpointError, match=re.escape(part)):
        read(text)


def test_reason_does_not_repeat_what_may_be_a_secret():
    for text in ("https://ada:secret@hooks.example/", "http://x.example/secret", "secret://x"):
        assert "secret" not in problem_of(text)


@pytest.mark.parametrize(
    ("trusted", "text", "fits"),
    [
        ([], "http://localhost/", False),
        (["localhost"], "http://localhost/", True),
        (["localhost"], "http://localhost:8000/", True),
        (["localhost:8000"], "http://localhost:8000/", True),
        (["localhost:8000"], "http://localhost:8001/", False),
        (["LOCALHOST"], "http://localhost/", True),
        (["10.0.0.1"], "https://10.0.0.1/", True),
        (["10.0.0.1"], "https://10.0.0.2/", False),
        (["hooks.example"], "http://sub.hooks.example/", False),
    ],
)
def test_hosts_that_the_settings_vouch_for_may_be_private_and_plain(settings, trusted, text, fits):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = trusted

    assert (problem_of(text) == "") is fits
