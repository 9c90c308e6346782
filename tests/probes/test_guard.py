"""Which addresses are refused of targets that others have named."""

from __future__ import annotations

import pytest

from probes.ask import Endpoint, Tls
from probes.guard import Guard
from probes.request import address_of


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("169.254.169.254", "a link-local address"),
        ("169.254.170.2", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("::ffff:169.254.169.254", "a link-local address"),
        ("64:ff9b::a9fe:a9fe", "a link-local address"),
        ("2002:a9fe:a9fe::1", "a link-local address"),
        ("100.100.100.200", "the address of a cloud's metadata service"),
        ("168.63.129.16", "the address of a cloud's metadata service"),
        ("192.0.0.192", "the address of a cloud's metadata service"),
        ("fd00:ec2::254", "the address of a cloud's metadata service"),
        ("fd20:ce::254", "the address of a cloud's metadata service"),
        ("fd00:42::42", "the address of a cloud's metadata service"),
        ("fd00:a9fe:a9fe::1", "the address of a cloud's metadata service"),
        ("fd00:c1::a9fe:a9fe", "the address of a cloud's metadata service"),
        ("fd00:100::100:200", "the address of a cloud's metadata service"),
        ("64:ff9b:1::a9fe:a9fe", "an address that stands for an IPv4 one"),
        ("64:ff9b:1:a9fe:a9:fe00::", "an address that stands for an IPv4 one"),
        ("::169.254.169.254", "an address that stands for an IPv4 one"),
        ("::7f00:1", "an address that stands for an IPv4 one"),
        ("::ffff:0:169.254.169.254", "an address that stands for an IPv4 one"),
        ("0.0.0.0", "no address of a single host"),
        ("0.1.2.3", "no address of a single host"),
        ("::", "no address of a single host"),
        ("224.0.0.1", "no address of a single host"),
        ("255.255.255.255", "no address of a single host"),
        ("127.0.0.1", "a loopback address"),
        ("127.9.9.9", "a loopback address"),
        ("::1", "a loopback address"),
        ("::ffff:127.0.0.1", "a loopback address"),
    ],
)
def test_refused(address: str, what: str) -> None:
    assert Guard().objection(address) == f"{address} is {what}, to which no discovered target may lead"


@pytest.mark.parametrize("address", ["10.0.0.1", "172.30.0.10", "192.168.1.1", "203.0.113.7", "2001:db8::7", "fd01::4", "100.64.0.1"])
def test_pods_services_and_the_world_are_not(address: str) -> None:
    assert Guard().objection(address) is None


def test_loopback_may_be_allowed_and_nothing_else_with_it() -> None:
    assert Guard(loopback=True).objection("127.0.0.1") is None
    assert Guard(loopback=True).objection("::1") is None
    assert Guard(loopback=True).objection("169.254.169.254") is not None
    assert Guard(loopback=True).objection("::127.0.0.1") is not None
    assert Guard(loopback=True).objection("0.0.0.0") is not None


def test_what_is_no_address() -> None:
    assert Guard().objection("engine.example.com") == "engine.example.com is no address"


def test_a_guarded_target_goes_through_no_proxy_which_would_resolve_its_name_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert address_of(Endpoint("e", "vllm", "https://engine.example")).proxy is not None
    guarded = address_of(Endpoint("e", "vllm", "https://engine.example", guard=Guard()))
    assert (guarded.proxy, guarded.guard, guarded.tls) == (None, Guard(), Tls())
