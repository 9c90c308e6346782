"""A cluster's API over a real socket: lists, watches with bookmarks and 410, leases, and everything that can go wrong with them."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
Fault = Literal["forbidden", "broken", "hang", "half", "slow", "gone", "no json", "wrong list", "silent watch", "bad event"]

_OF_LISTS: tuple[Fault, ...] = ("half", "slow", "no json", "wrong list")
"""Faults of lists: a watch that is under way ends, so that one comes."""

_CORE = re.compile(r"/api/v1(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?")
_GROUP = re.compile(r"/apis/(?P<group>[^/]+)/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?")
_API = re.compile(r"/apis/(?P<group>[^/]+)/(?P<version>[^/]+)/?")
_IN = re.compile(r"([\w./-]+) (in|notin) \(([^)]*)\)|([\w./-]+)(?:=|==)([\w./-]*)|([\w./-]+)")


@dataclass(frozen=True)
class Asked:
    """One request, as rights are granted: `verb` on `resource` of `group`."""

    verb: str
    group: str
    resource: str
    namespace: str | None
    name: str | None
    authorization: str
    lasts_seconds: int | None = None
    """How long a watch is to last."""


@dataclass
class Cluster:
    """What the API has. Everything may be called from any thread."""

    kinds: dict[tuple[str, str], dict[tuple[str, str], Json]] = field(default_factory=dict)
    """Objects by (group, plural), by (namespace, name). A group that is not in it is none of this cluster."""
    groups: set[str] = field(default_factory=lambda: {"", "discovery.k8s.io", "networking.k8s.io", "coordination.k8s.io"})
    faults: dict[str, Fault] = field(default_factory=dict)
    """By plural, or `*` for all; by group, `broken` for what the API says of the group itself."""
    asked: list[Asked] = field(default_factory=list)
    bookmark_seconds: float = 0.2
    page_objects: int | None = None
    version: int = 1
    oldest: int = 0
    events: list[tuple[int, tuple[str, str], str, Json]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: bool = False
    watches: int = 0
    watches_ended: int = 0
    """How often all watches were ended."""
    users: dict[str, Json] = field(default_factory=dict)
    """By token, whom a TokenReview says that it is."""
    rights: set[tuple[str, str, str]] = field(default_factory=set)
    """(user, verb, path) that a SubjectAccessReview allows."""

    def put(self, *objects: Json) -> None:
        """Add objects, or change them."""
        with self.changed:
            for one in objects:
                kind, key = _place(one)
                known = self.kinds.setdefault(kind, {})
                self.groups.add(kind[0])
                self.version += 1
                one["metadata"]["resourceVersion"] = str(self.version)
                self.events.append((self.version, kind, "MODIFIED" if key in known else "ADDED", one))
                known[key] = one
            self.changed.notify_all()

    def delete(self, *objects: Json) -> None:
        with self.changed:
            for one in objects:
                kind, key = _place(one)
                gone = self.kinds[kind].pop(key)
                self.version += 1
                self.events.append((self.version, kind, "DELETED", {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}))
            self.changed.notify_all()

    def has(self, one: Json) -> bool:
        kind, key = _place(one)
        return key in self.kinds.get(kind, {})

    def compact(self) -> None:
        """Forget what has changed: whoever goes on from before gets 410."""
        with self.changed:
            self.oldest = self.version
            self.events.clear()

    def compact_slowly(self, events: int = 10_000) -> None:
        """Forget what changed long ago, as an API server does by itself."""
        with self.changed:
            if len(self.events) > events:
                del self.events[: -events // 2]
                self.oldest = self.events[0][0] - 1

    def end_watches(self) -> None:
        """End the watches that are under way, as an API server may at any time."""
        with self.changed:
            self.watches_ended += 1
            self.changed.notify_all()

    def fail(self, fault: Fault | None, plural: str = "*") -> None:
        """Fail like this from now on, watches that are under way included; None: mend it."""
        with self.changed:
            if fault is None:
                self.faults.pop(plural, None)
            else:
                self.faults[plural] = fault
            self.changed.notify_all()

    def fault_of(self, plural: str) -> Fault | None:
        return self.faults.get(plural, self.faults.get("*"))

    def verbs(self) -> set[tuple[str, str, str]]:
        return {(asked.group, asked.resource, asked.verb) for asked in self.asked}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer go out one after the other
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_PUT(self) -> None:
        self.do_POST()

    def _answer(self, body: Json | None) -> None:
        parts = urlsplit(self.path)
        found = _CORE.fullmatch(parts.path) or _GROUP.fullmatch(parts.path)
        if (api := _API.fullmatch(parts.path)) and self.server.cluster.fault_of(api["group"]) == "broken":
            self._send(500, _status(500))
            return
        if (api := _API.fullmatch(parts.path)) and api["group"] in self.server.cluster.groups:
            self._send(200, {"kind": "APIResourceList", "groupVersion": f"{api['group']}/{api['version']}", "resources": []})
            return
        if found is None:
            self._send(404, _status(404))
            return
        place = {"group": "", "version": "v1", **found.groupdict()}
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        cluster = self.server.cluster
        watch = query.get("watch") in ("true", "True", "1")
        verb = {"POST": "create", "PUT": "update"}.get(self.command, "watch" if watch else "get" if place["name"] else "list")
        lasts_seconds = int(query["timeoutSeconds"]) if "timeoutSeconds" in query else None
        authorization = self.headers.get("Authorization", "")
        cluster.asked.append(Asked(verb, place["group"], place["plural"], place["namespace"], place["name"], authorization, lasts_seconds))
        fault = cluster.fault_of(place["plural"])
        if fault == "forbidden":
            self._send(403, _status(403))
        elif fault == "broken":
            self._send(500, _status(500))
        elif fault == "hang":
            self._wait_while("hang", place["plural"])
            self.close_connection = True
        elif place["plural"] in ("tokenreviews", "subjectaccessreviews") and body is not None:
            self._send(201, _reviewed(cluster, body))
        elif place["group"] not in cluster.groups:
            self._send(404, _status(404))
        elif verb == "watch":
            self._watch(place, query)
        elif verb == "list":
            self._list(place, query, fault)
        else:
            self._one(verb, place, body)

    def _list(self, place: Mapping[str, str], query: Mapping[str, str], fault: Fault | None) -> None:
        cluster = self.server.cluster
        with cluster.changed:
            items = [one for key, one in sorted(cluster.kinds.get((place["group"], place["plural"]), {}).items()) if _wanted(one, place, query)]
            version = cluster.version
        begin = int(query.get("continue", "0"))
        size = min(cluster.page_objects or len(items) or 1, int(query.get("limit", "0")) or len(items) or 1)
        more = str(begin + size) if begin + size < len(items) else ""
        body = json.dumps({"metadata": {"resourceVersion": str(version), "continue": more}, "items": items[begin : begin + size]}).encode()
        if fault == "half":
            self._send(200, body[: len(body) // 2])
        elif fault == "no json":
            self._send(200, b"<html>a proxy</html>")
        elif fault == "wrong list":
            self._send(200, b'{"kind": "Status"}')
        elif fault == "slow":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:10])
            self._wait_while("slow", place["plural"])
            self.close_connection = True
        else:
            self._send(200, body)

    def _watch(self, place: Mapping[str, str], query: Mapping[str, str]) -> None:
        cluster = self.server.cluster
        kind = (place["group"], place["plural"])
        after = int(query.get("resourceVersion", "0"))
        until = time.monotonic() + float(query.get("timeoutSeconds", "3600"))
        ended = cluster.watches_ended
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cluster.watches += 1
        try:
            while time.monotonic() < until and not cluster.stopping and cluster.watches_ended == ended:
                with cluster.changed:
                    fault = cluster.fault_of(place["plural"])
                    if after < cluster.oldest or fault == "gone" or fault in _OF_LISTS:
                        lines = [{"type": "ERROR", "object": _status(410)}]
                    else:
                        news = [event for event in cluster.events if event[0] > after and event[1] == kind]
                        lines = [{"type": type_, "object": one} for _, _, type_, one in news if _wanted(one, place, query)]
                        after = news[-1][0] if news else max(after, cluster.version)
                        lines = lines or [{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(after)}}}]
                if fault in ("broken", "forbidden") or kind[0] not in cluster.groups:
                    break  # the next one is told
                if fault == "bad event":
                    self._chunk(b'{"type": "ADDED", "object": {"meta\n')
                elif fault not in ("hang", "silent watch"):
                    for line in lines:
                        self._chunk(json.dumps(line).encode() + b"\n")
                if lines[0]["type"] == "ERROR":
                    break
                with cluster.changed:
                    if cluster.version <= after and cluster.fault_of(place["plural"]) == fault and cluster.watches_ended == ended:
                        cluster.changed.wait(cluster.bookmark_seconds)
            self._chunk(b"")
        except OSError:
            self.close_connection = True
        finally:
            cluster.watches -= 1

    def _one(self, verb: str, place: Mapping[str, str], body: Json | None) -> None:
        cluster = self.server.cluster
        with cluster.changed:
            known = cluster.kinds.setdefault((place["group"], place["plural"]), {})
            key = (place["namespace"], place["name"] or (body or {}).get("metadata", {}).get("name", ""))
            found = known.get(key)
            if verb == "get" or body is None:
                self._send(200, json.dumps(found).encode()) if found else self._send(404, _status(404))
                return
            if (verb == "create") == (found is not None):
                self._send(409 if found else 404, _status(409))
                return
            if found is not None and body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
                self._send(409, _status(409))
                return
            cluster.version += 1
            body["metadata"]["resourceVersion"] = str(cluster.version)
            known[key] = body
        self._send(200, json.dumps(body).encode())

    def _wait_while(self, fault: Fault, plural: str) -> None:
        cluster = self.server.cluster
        with cluster.changed:
            cluster.changed.wait_for(lambda: cluster.stopping or cluster.fault_of(plural) != fault, 60)

    def _send(self, status: int, body: bytes | Json) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def _reviewed(cluster: Cluster, body: Json) -> Json:
    """The answer to a review: who a token is, or whether somebody may do something."""
    spec = body["spec"]
    if body["kind"] == "TokenReview":
        user = cluster.users.get(spec["token"])
        return {**body, "status": {"user": {}, "error": "no such token"} if user is None else {"authenticated": True, "user": user}}
    asked = spec["nonResourceAttributes"]
    return {**body, "status": {"allowed": (spec["user"], asked["verb"], asked["path"]) in cluster.rights}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cluster = cluster

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are what is tested."""


@contextmanager
def serving(cluster: Cluster, secure: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the cluster's API, over TLS where there are settings for it; gives its URL."""
    server = _Server(cluster)
    if secure is not None:
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if secure else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        with cluster.changed:
            cluster.stopping = True
            cluster.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(folder: Path, url: str, token: str = "canary-cluster-token") -> Path:
    """A kubeconfig for the API at this URL."""
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "fake",
                "clusters": [{"name": "fake", "cluster": {"server": url}}],
                "users": [{"name": "probe", "user": {"token": token}}],
                "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "probe"}}],
            }
        )
    )
    return path


def _place(one: Json) -> tuple[tuple[str, str], tuple[str, str]]:
    group = one["apiVersion"].rpartition("/")[0]
    plural = {"Ingress": "ingresses"}.get(one["kind"], one["kind"].lower() + "s")
    return (group, plural), (one["metadata"].get("namespace", ""), one["metadata"]["name"])


def _status(code: int) -> Json:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": f"canary-message-{code}"}


def _wanted(one: Json, place: Mapping[str, str | None], query: Mapping[str, str]) -> bool:
    if place["namespace"] is not None and one["metadata"].get("namespace") != place["namespace"]:
        return False
    labels = one["metadata"].get("labels", {})
    for key, operator, values, equal, value, exists in _IN.findall(query.get("labelSelector", "")):
        if key and (labels.get(key) in re.split(r"\s*,\s*", values)) != (operator == "in"):
            return False
        if equal and labels.get(equal) != value:
            return False
        if exists and exists not in labels:
            return False
    return True
