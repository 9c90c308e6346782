"""The cluster's API, as far as it is asked: lists, watches, and a lease.

The `kubernetes` client finds the cluster and logs in. Its answers are read here, within bounds: they may be slow,
broken or endless. All of it blocks, and must not run on the event loop.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import orjson
import urllib3

from config.kubernetes import Kubernetes
from discovery.kubernetes.fields import Json, entries, number, part, text
from discovery.kubernetes.kinds import Resource

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
"""Of silence in an answer that is not a watch."""
ANSWER_SECONDS = 30.0
"""For a whole page, however many pieces it comes in."""
WATCH_SECONDS = 75.0
"""That a watch is asked to last. Of a quiet kind some API servers (with etcd 3.4) send the first bookmark only before the end."""
SILENCE_SECONDS = 90.0
"""Of silence in a watch, after which it may be dead."""
FORBIDDEN_SECONDS = 5.0
"""A 403 is believed after so long: an API server that has just started does not know its roles yet."""
PAGE_OBJECTS = 500
PAGE_BYTES = 8 * 1024 * 1024
"""A page of small things, such as the endpoints of slices, takes up to seventeen times as much memory while it is
read."""
LINE_BYTES = 4 * 1024 * 1024
"""Of one event. An object is 1.5 MiB at most in etcd."""

UNTRUSTED = "the API server's certificate is not trusted; name its authority in the kubeconfig, or look at the service account's ca.crt"


class ApiError(Exception):
    """The API gave no usable answer. The text says why, and what would help, without secrets."""


class ExpiredError(ApiError):
    """410: the version to go on from is too old, and everything has to be listed again."""


class SilentError(ApiError):
    """A watch said nothing for so long that it may be dead."""


class TooLargeError(ApiError):
    """The answer has more bytes than are taken."""


class AbsentError(ApiError):
    """404: the cluster has no such kind, or no such object."""


class ForbiddenError(ApiError):
    """403: there is no right to it. It may not even be there, as rights are looked at first."""


class ConflictError(ApiError):
    """409: somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list.

    `more` is the token for the next page, empty at the end. `most` is how many objects the page could have, and the
    next one is to have.
    """

    items: tuple[Json, ...]
    version: str
    more: str
    most: int = PAGE_OBJECTS


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch: `ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`."""

    type: str
    item: Json
    version: str


class Api:
    """One cluster. Threads may share it."""

    def __init__(self, settings: Kubernetes | None) -> None:
        """Finds the cluster, but does not talk to it. Raises `ApiError`."""
        from kubernetes import client

        configuration = client.Configuration()
        _load(configuration, settings)
        configuration.retries = False  # urllib3's own would make four times of each timeout
        configuration.connection_pool_maxsize = 64  # a watch holds one for itself
        # not the client's classes for each kind: their code takes 80 MiB of memory
        self._client = client.ApiClient(configuration)

    def page(self, kind: Resource, namespace: str | None, selector: str = "", more: str = "", most: int = PAGE_OBJECTS) -> Page:
        """One page of a list. It has fewer objects than `most` where so many are too large. Raises `ApiError`."""
        options = {"limit": most, "continue": more} if more else {"limit": most}
        try:
            found = _parsed(self._get(kind, namespace, _selected(selector) | options, READ_SECONDS))
        except TooLargeError:
            if most == 1:
                raise
            return self.page(kind, namespace, selector, more, most // 2)
        if not isinstance(found.get("items"), list):
            raise ApiError("its answer is no list; look whether what answers is the API server")
        return Page(tuple(entries(found, "items")), text(found, "metadata", "resourceVersion"), text(found, "metadata", "continue"), most)

    def whole(self, kind: Resource, namespace: str | None, selector: str = "", most: int = 10_000) -> Iterator[Json]:
        """All objects of a list, up to so many. Raises `ApiError`."""
        more, count, size = "", 0, PAGE_OBJECTS
        while True:
            page = self.page(kind, namespace, selector, more, size)
            yield from page.items
            more, count, size = page.more, count + len(page.items), page.most
            if not more or count >= most:
                return

    def events(
        self, kind: Resource, namespace: str | None, selector: str, version: str, *, seconds: float, opened: Callable[[Callable[[], None]], None]
    ) -> Iterator[Event]:
        """What changes after a version, for so many seconds. Raises `ApiError`.

        `opened` is given a function that ends the watch at once.
        """
        options = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": int(seconds)}
        response = self._get(kind, namespace, _selected(selector) | options, SILENCE_SECONDS)
        opened(lambda: _hang_up(response))
        try:
            for line in _lines(response):
                yield _event(line)
        finally:
            response.close()

    def read(self, group: str, version: str, namespace: str, plural: str, name: str) -> Json:
        """One object. Raises `ApiError`."""
        return self._asked("GET", group, version, namespace, plural, name)

    def create(self, group: str, version: str, namespace: str, plural: str, body: Mapping[str, Any]) -> Json:
        """Make a new object. Raises `ApiError`, `ConflictError` where there is one already."""
        return self._asked("POST", group, version, namespace, plural, body=body)

    def replace(self, group: str, version: str, namespace: str, plural: str, name: str, body: Mapping[str, Any]) -> Json:
        """Write an object as it is to be, if it is still as it was read.

        Raises `ApiError`, `ConflictError` if it is not.
        """
        return self._asked("PUT", group, version, namespace, plural, name, body)

    def review(self, group: str, plural: str, body: Mapping[str, Any]) -> Json:
        """Ask who somebody is, or what somebody may: a review, which is answered and not kept. Raises `ApiError`."""
        return self._asked("POST", group, "v1", None, plural, body=body)

    def serves(self, group: str, version: str) -> bool:
        """Whether the cluster has this group of APIs, which everybody may know. Raises `ApiError`."""
        try:
            with _as_api_error(version, group, None):
                _parsed(self._send("GET", f"/apis/{group}/{version}/"))
        except AbsentError:
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _asked(
        self, method: str, group: str, version: str, namespace: str | None, plural: str, name: str = "", body: Mapping[str, Any] | None = None
    ) -> Json:
        """What the API says to a request about one object."""
        with _as_api_error(plural, group, namespace):
            response = self._send(method, _path(group, version, namespace, plural, name), body=body)
        return _parsed(response)

    def _get(self, kind: Resource, namespace: str | None, options: Mapping[str, Any], silence_seconds: float) -> Any:
        try:
            with _as_api_error(kind.plural, kind.group, namespace):
                return self._send("GET", _path(kind.group, kind.version, namespace, kind.plural), options, silence_seconds=silence_seconds)
        except ForbiddenError:
            if kind.group and not self._may_serve(kind):
                raise AbsentError(f"there are no {kind.written} in the cluster") from None
            raise

    def _send(
        self, method: str, path: str, query: Mapping[str, Any] = MappingProxyType({}), *, body: object = None, silence_seconds: float = READ_SECONDS
    ) -> Any:
        """One request; gives the answer, of which nothing is read yet. Raises `ApiException` of the client, and what urllib3 raises."""
        from kubernetes.client.exceptions import ApiException

        headers = {"Accept": "application/json", **({} if body is None else {"Content-Type": "application/json"})}
        request = self._client.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = self._client.call_api(*request, _request_timeout=(CONNECT_SECONDS, silence_seconds)).response
        if not 200 <= response.status <= 299:
            response.close()
            raise ApiException(status=response.status)
        return response

    def _may_serve(self, kind: Resource) -> bool:
        """Whether the cluster has the API of a kind. True where that cannot be told."""
        try:
            return self.serves(kind.group, kind.version)
        except ApiError:
            return True


def _path(group: str, version: str, namespace: str | None, plural: str, name: str = "") -> str:
    """Where the API has a kind, or one object of it."""
    pieces = ["apis", group, version] if group else ["api", version]
    pieces += [] if namespace is None else ["namespaces", namespace]
    return "/" + "/".join(quote(piece, safe="") for piece in (*pieces, plural, *([name] if name else ())))


def _load(configuration: Any, settings: Kubernetes | None) -> None:
    import os

    from kubernetes import config
    from kubernetes.config.config_exception import ConfigException

    kubeconfig, context = (settings.kubeconfig, settings.context) if settings else (None, None)
    try:
        if kubeconfig is None and context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(kubeconfig, context, client_configuration=configuration, persist_config=False)
    except ConfigException as error:
        raise ApiError(f"there is no cluster to talk to: {error}; run in a pod with a service account, or name a kubeconfig") from error
    except Exception as error:  # noqa: BLE001 - whatever a kubeconfig breaks; its texts may repeat what is in it
        raise ApiError(f"the kubeconfig cannot be used: {type(error).__name__}; mend it until kubectl takes it") from None


def _selected(selector: str) -> dict[str, Any]:
    return {"labelSelector": selector} if selector else {}


@contextlib.contextmanager
def _as_api_error(plural: str, group: str, namespace: str | None) -> Iterator[None]:
    from kubernetes.client.exceptions import ApiException

    what = f"{plural}.{group}" if group else plural
    where = "in the whole cluster" if namespace is None else f"in namespace {namespace}"
    try:
        with _as_broken_off():
            yield
    except ApiException as error:
        # the client makes a status of 0 of a handshake that failed
        raise _refused(int(error.status), what, where) if error.status else ApiError(UNTRUSTED) from None


@contextlib.contextmanager
def _as_broken_off() -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise ApiError(_unreachable(error)) from None


def _refused(status: int, what: str, where: str) -> ApiError:
    match status:
        case 401:
            return ApiError("the API server does not know us (401); renew the kubeconfig, or the service account's token")
        case 403:
            return ForbiddenError(f"no right to {what} {where} (403); grant it by a role")
        case 404:
            return AbsentError(f"there are no {what} {where} (404)")
        case 409:
            return ConflictError(f"{what} {where} were changed by somebody else (409)")
        case 410:
            return ExpiredError("the version is too old (410)")
    return ApiError(f"the API server answered {status} for {what} {where}; look at its own health")


def _unreachable(error: Exception) -> str:
    match error:
        case urllib3.exceptions.ReadTimeoutError():
            return "the API server hangs: it has taken a request, and nothing more came; look at its own health"
        case urllib3.exceptions.ConnectTimeoutError() | urllib3.exceptions.NewConnectionError():
            return "the API server cannot be reached; look at the way to it, and at network policies"
        case urllib3.exceptions.SSLError():
            return UNTRUSTED
        case urllib3.exceptions.ProtocolError() | urllib3.exceptions.IncompleteRead():
            return "the API server broke off in the middle of its answer; look at its own health"
    return f"the API server cannot be talked to: {type(error).__name__}; look at the way to it"


def _parsed(response: Any) -> Json:
    try:
        with _as_broken_off():
            body = b"".join(_bounded(response))
    finally:
        response.close()
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ApiError("its answer is no JSON, or only a part of it; look whether what answers is the API server, and at its own health")
    return found


def _bounded(response: Any) -> Iterator[bytes]:
    """The pieces of a body. Raises `ApiError` where they are too many, or too slow."""
    ends = time.monotonic() + ANSWER_SECONDS
    size = 0
    for piece in response.stream(65536):
        size += len(piece)
        if size > PAGE_BYTES:
            raise TooLargeError(f"its answer has more than {PAGE_BYTES} bytes; choose fewer objects by discovery.kubernetes.selector")
        if time.monotonic() > ends:
            raise ApiError(f"its answer takes longer than {ANSWER_SECONDS:g} s; look at its own health")
        yield piece


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    with _as_broken_off():
        for piece in _until_silent(response):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > LINE_BYTES:
                raise ApiError(f"an event has more than {LINE_BYTES} bytes; look whether what answers is the API server")
            yield from (line for line in whole if line.strip())
    if rest.strip():
        raise ApiError("the API server broke off in the middle of an event; look at its own health")


def _until_silent(response: Any) -> Iterator[bytes]:
    try:
        yield from response.stream(65536)
    except urllib3.exceptions.ReadTimeoutError:
        raise SilentError(f"no event for {SILENCE_SECONDS:g} s") from None


def _event(line: bytes) -> Event:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    item = part(found, "object")
    kind = text(found, "type")
    if kind == "ERROR":
        status = number(item, "code") or 0
        raise ExpiredError("the version is too old (410)") if status == 410 else ApiError(f"the API server ended a watch with {status}")
    if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not item:
        raise ApiError("an event is no JSON, or only a part of it; look whether what answers is the API server, and at its own health")
    return Event(kind, item, text(item, "metadata", "resourceVersion"))


def _hang_up(response: Any) -> None:
    """Ends a read that another thread waits in."""
    import socket

    with contextlib.suppress(Exception):
        response.connection.sock.shutdown(socket.SHUT_RDWR)
