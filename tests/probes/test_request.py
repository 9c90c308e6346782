"""From an endpoint to an address and to the bytes of a request."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from probes.ask import Ask, Endpoint, Tls, TraceContext
from probes.backends import form
from probes.request import USER_AGENT, UrlError, address_of, request_bytes
from probes.wire.order import Address, Proxy

REQUEST_ID = "0af7651916cd43dd8448eb211c80319c"
PLAIN = Endpoint("engine", "vllm", "http://engine.test:8000")
SECURE = Endpoint("engine", "vllm", "https://engine.test/base/")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://engine.test:8000", Address("engine.test", 8000)),
        ("http://engine.test", Address("engine.test", 80)),
        ("https://engine.test", Address("engine.test", 443, Tls())),
        ("http://[::1]:8000/v1", Address("::1", 8000)),
        ("http://127.0.0.1:0", Address("127.0.0.1", 0)),
    ],
)
def test_where_a_url_leads(url: str, address: Address) -> None:
    assert address_of(replace(PLAIN, url=url)) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://engine.test", "starts with http:// or https://"),
        ("engine.test:8000", "starts with http:// or https://"),
        ("http://engine.test:99999", "the port is no number"),
        ("http://engine.test:x", "the port is no number"),
        ("http://", "names no host"),
    ],
)
def test_urls_that_name_no_address(url: str, says: str) -> None:
    with pytest.raises(UrlError, match=says):
        address_of(replace(PLAIN, url=url))


def test_a_proxy_for_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:p%40ss@proxy.test:3128")
    assert address_of(SECURE).proxy == Proxy("proxy.test", 3128, "Basic bWU6cEBzcw==")
    assert address_of(PLAIN).proxy is None
    assert "bWU6cEBzcw" not in repr(address_of(SECURE))


@pytest.mark.parametrize("value", ["proxy.test", "http://proxy.test"])
def test_a_proxy_without_a_port(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    assert address_of(SECURE).proxy == Proxy("proxy.test", 80)


@pytest.mark.parametrize("without", ["engine.test", ".test", "*", "other.test, engine.test"])
def test_hosts_that_go_without_a_proxy(monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", without)
    assert address_of(SECURE).proxy is None


def test_another_host_than_those_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "other.test")
    assert address_of(SECURE).proxy is not None


def test_a_proxy_that_is_none_of_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:secret@proxy.test:1080")
    with pytest.raises(UrlError) as refused:
        address_of(SECURE)
    assert "secret" not in str(refused.value)


def head_and_body(endpoint: Endpoint, ask: Ask) -> tuple[list[str], dict[str, object]]:
    head, _, body = request_bytes(endpoint, form(endpoint.backend), ask, REQUEST_ID).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    assert f"Content-Length: {len(body)}" in lines
    return lines, json.loads(body)


def test_the_bytes_of_a_request(ask: Ask) -> None:
    lines, body = head_and_body(PLAIN, ask)
    assert lines[0] == "POST /v1/chat/completions HTTP/1.1"
    assert {
        "Host: engine.test:8000",
        f"X-Request-Id: {REQUEST_ID}",
        "Accept: text/event-stream",
        "Accept-Encoding: identity",
        f"User-Agent: {USER_AGENT}",
    } <= set(lines)
    assert not any(line.startswith("Authorization") for line in lines)
    assert body["model"] == "tiny"


def test_the_path_of_the_url_stands_before_the_engines(ask: Ask) -> None:
    assert head_and_body(SECURE, ask)[0][0] == "POST /base/v1/chat/completions HTTP/1.1"


def test_userinfo_is_no_part_of_the_host(ask: Ask) -> None:
    lines, _ = head_and_body(replace(PLAIN, url="http://me:secret@engine.test:8000"), ask)
    assert "Host: engine.test:8000" in lines
    assert not any("secret" in line for line in lines)


def test_key_and_headers(ask: Ask) -> None:
    lines, _ = head_and_body(replace(PLAIN, api_key="k-1", headers={"X-Team": "blue"}), ask)
    assert {"Authorization: Bearer k-1", "X-Team: blue"} <= set(lines)


def test_an_own_authorization_goes_before_the_key(ask: Ask) -> None:
    lines, _ = head_and_body(replace(PLAIN, api_key="k-1", headers={"Authorization": "Basic eA=="}), ask)
    assert [line for line in lines if line.startswith("Authorization")] == ["Authorization: Basic eA=="]


@pytest.mark.parametrize("no_proxy", ["10.0.0.0/8", "example.org, 10.2.0.0/16", "fd00::/8,10.0.0.0/8"])
def test_an_address_in_a_network_that_goes_without_a_proxy(monkeypatch: pytest.MonkeyPatch, no_proxy: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert address_of(Endpoint("engine", "vllm", "https://10.2.3.4")).proxy is None
    assert address_of(Endpoint("engine", "vllm", "https://11.2.3.4")).proxy is not None


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ("sampled", [f"traceparent: 00-{REQUEST_ID}-0af7651916cd43dd-01"]),
        ("unsampled", [f"traceparent: 00-{REQUEST_ID}-0af7651916cd43dd-00"]),
        ("none", []),
    ],
)
def test_the_request_id_is_the_trace_id(wanted: TraceContext, sent: list[str], ask: Ask) -> None:
    lines, _ = head_and_body(PLAIN, replace(ask, trace_context=wanted))
    assert [line for line in lines if line.lower().startswith("traceparent")] == sent


def test_a_chat_is_known_by_its_trace_unless_told_otherwise(ask: Ask) -> None:
    assert ask.trace_context == "sampled"


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "TRACEPARENT"])
def test_a_trace_id_of_the_targets_own_goes_before_ours(name: str, ask: Ask) -> None:
    own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    lines, _ = head_and_body(replace(PLAIN, headers={name: own}), ask)
    assert [line for line in lines if line.lower().startswith("traceparent")] == [f"{name}: {own}"]


def test_no_header_is_sent_twice(ask: Ask) -> None:
    lines, _ = head_and_body(replace(PLAIN, api_key="k-1", headers={"authorization": "Basic eA==", "X-Team": "blue"}), ask)
    names = [line.partition(":")[0].lower() for line in lines[1:]]
    assert len(names) == len(set(names))
    assert "authorization: Basic eA==" in lines
