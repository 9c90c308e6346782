"""From an endpoint and an ask to the bytes of an HTTP/1.1 request, and to the address that they go to."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
from importlib.metadata import version
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import orjson

from probes.ask import Ask, Endpoint
from probes.backends.base import WireForm
from probes.wire.order import Address, Proxy

DEFAULT_PORTS = {"http": 80, "https": 443}
USER_AGENT = f"chatprobe/{version('chatprobe')}"


class UrlError(ValueError):
    """A URL that names no address; the text says why, without what may be secret in it."""


def address_of(endpoint: Endpoint) -> Address:
    """Where the endpoint's connections lead. An https endpoint goes through the proxy that `HTTPS_PROXY` names, unless `NO_PROXY` lists its host.

    One with a guard goes directly: a proxy would resolve its name where nobody looks at the address. Raises `UrlError`.
    """
    parts = urlsplit(endpoint.url)
    host, port = _host_and_port(endpoint.url, DEFAULT_PORTS)
    if parts.scheme == "http":
        return Address(host, port, guard=endpoint.guard)
    return Address(host, port, endpoint.tls, _proxy_for(host, port) if endpoint.guard is None else None, endpoint.guard)


def request_bytes(endpoint: Endpoint, form: WireForm, ask: Ask, request_id: str) -> bytes:
    """Head and body of the POST. The id travels as `X-Request-Id` and as the trace id, so that the record can be found in
    the engine's log and traces. The endpoint's own headers go before ours, whatever their letter case.
    """
    body = orjson.dumps(body_of(endpoint, form, ask))
    headers = {"Accept": form.content_type, "Content-Type": "application/json", "Content-Length": str(len(body))}
    if ask.trace_context != "none":
        headers["traceparent"] = _traceparent(request_id, sampled=ask.trace_context == "sampled")
    return _head("POST", endpoint, endpoint.adaptation.path(form.path), headers, request_id) + body


def question_bytes(endpoint: Endpoint, path: str, request_id: str) -> bytes:
    """The head of a GET of something else than a chat, on the chats' way."""
    return _head("GET", endpoint, endpoint.adaptation.control_path(path), {"Accept": "application/json"}, request_id)


def _head(method: str, endpoint: Endpoint, path: str, own: dict[str, str], request_id: str) -> bytes:
    parts = urlsplit(endpoint.url)
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        **own,
        "X-Request-Id": request_id,
    }
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    theirs = {name.lower() for name in endpoint.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in theirs} | dict(endpoint.headers)
    target = with_query(f"{parts.path.rstrip('/')}{path}", endpoint)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _traceparent(request_id: str, *, sampled: bool) -> str:
    """W3C Trace Context, level 1: version, trace id, parent id, flags. The chat is the whole trace's first span, so that
    its own id is the half of the request id that can never be zero (a UUID has its version there).
    """
    return f"00-{request_id}-{request_id[:16]}-{'01' if sampled else '00'}"


def body_of(endpoint: Endpoint, form: WireForm, ask: Ask) -> dict[str, object]:
    """The JSON object that is sent."""
    return endpoint.adaptation.adapted(form.body(ask))


def with_query(url: str, endpoint: Endpoint) -> str:
    """A URL, or a path, with what the target's configuration has follow each of them."""
    query = endpoint.adaptation.query
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _proxy_for(host: str, port: int) -> Proxy | None:
    proxies = getproxies_environment()
    url = proxies.get("https")
    if not url or proxy_bypass(f"{host}:{port}") or _in_a_network(host, proxies.get("no", "")):
        return None
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise UrlError(f"HTTPS_PROXY must be an http:// URL, not {parts.scheme}://")
    proxy_host, proxy_port = _host_and_port(url, DEFAULT_PORTS)
    authorization = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(login.encode()).decode()
    return Proxy(proxy_host, proxy_port, authorization)


def _in_a_network(host: str, no_proxy: str) -> bool:
    """Whether the host is an address in a network that `NO_PROXY` lists (`10.0.0.0/8`), as OpenShift writes them; urllib knows names only."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        with contextlib.suppress(ValueError):
            if "/" in entry and address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
    return False


def _host_and_port(url: str, default_ports: dict[str, int]) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme not in default_ports:
        raise UrlError("a URL starts with http:// or https://")
    try:
        port = parts.port
    except ValueError as error:
        raise UrlError("the port is no number between 0 and 65535") from error
    if not parts.hostname:
        raise UrlError("the URL names no host")
    return parts.hostname, default_ports[parts.scheme] if port is None else port
