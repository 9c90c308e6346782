"""What a candidate answers: which engine it is, and whether HTTP has to do."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.credentials import Credential, credential_for
from config.model import Config
from config.reader import parse
from config.secrets import Secrets
from discovery.kubernetes.asking import AT_ONCE, Asking, Found, NoEngine, ask, matched
from discovery.kubernetes.candidates import Candidate, PassedOver
from probes.ask import Endpoint
from probes.backends import BACKENDS
from probes.control import Control
from probes.guard import Guard
from simulator import ENGINES, Options, simulated
from tests.answers import whole
from tests.cluster import objects as o
from tests.discovery.kubernetes.seeing import only
from tests.servers import Peer, Script, closed_port, serving
from tests.waiting import PATIENCE_SECONDS
from traffic.schedule import SystemClock

HERE = Guard(loopback=True)


def config(more: str = "", folder: Path | None = None) -> Config:
    text = f"discovery: {{kubernetes: {{namespaces: [vllm-benchmark]}}}}\nscenarios: {{beat: {{every: 15s}}}}\n{more}"
    return parse(text, str((folder or Path()) / "chatprobe.yaml")).config


def candidate(url: str, *, backend: str | None = None, fallback_url: str | None = None) -> Candidate:
    found = only(o.service("one", app="chat"))
    return replace(found, backend=backend, way=replace(found.way, url=url, fallback_url=fallback_url))


async def asked(one: Candidate, settings: Config | None = None, guard: Guard = HERE) -> Found | NoEngine:
    async with Control() as control:
        return await ask(one, matched(one, settings or config()), Secrets(), control, guard)


def told(outcome: Found | PassedOver | NoEngine) -> tuple[str, str, str]:
    """Which engine, at which URL, and what there is to say of the way."""
    assert isinstance(outcome, Found)
    return outcome.backend, outcome.url, outcome.note


def answering(status: int, body: bytes = b"{}", *fields: str) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(whole(status, body, "application/json", *fields))

    return script


@pytest.mark.parametrize("engine", ENGINES)
async def test_each_engine_is_recognised_by_its_answer(engine: str) -> None:
    async with simulated(engine, Options()) as one:
        assert told(await asked(candidate(one.url))) == (engine, one.url, "")


async def test_any_other_server_with_openais_api() -> None:
    def script(peer: Peer) -> None:
        while True:
            models = b"GET /v1/models " in peer.request()
            peer.send(whole(200, b'{"object":"list","data":[{"id":"tiny"}]}') if models else whole(404, b"{}"))

    with serving(script) as server:
        assert told(await asked(candidate(server.url))) == ("openai", server.url, "")
    asked_at = dict.fromkeys(backend.recognised_at for backend in BACKENDS.values())
    assert [request.split(b" ")[1].decode() for request in server.requests] == list(asked_at)


@pytest.mark.parametrize(("status", "body"), [(404, b"{}"), (200, b"<html>"), (500, b""), (200, b'{"gitVersion":"v1.30"}')])
async def test_what_is_no_engine(status: int, body: bytes) -> None:
    with serving(answering(status, body)) as server:
        outcome = await asked(candidate(server.url))
    assert isinstance(outcome, NoEngine)
    assert outcome.why.startswith("no engine answers there (/v1/models: ")
    assert outcome.why.endswith("); label it chatprobe.io/backend, or mend the way")


async def test_redirects_are_not_followed() -> None:
    with serving(answering(302, b"", "Location: http://169.254.169.254/latest/meta-data/iam/security-credentials/")) as server:
        outcome = await asked(candidate(server.url))
    assert outcome == NoEngine("no engine answers there (/v1/models: status 302); label it chatprobe.io/backend, or mend the way")
    assert all(b"169.254" not in request for request in server.requests)


async def test_nothing_is_asked_at_an_address_that_is_refused() -> None:
    with serving(answering(200)) as server:
        outcome = await asked(candidate(server.url), guard=Guard())
    assert outcome == NoEngine(
        "no engine answers there (/v1/models: 127.0.0.1 is a loopback address, to which no discovered target may lead); "
        "label it chatprobe.io/backend, or mend the way"
    )
    assert server.requests == []


async def test_over_http_where_that_is_allowed_and_the_certificate_is_not_accepted(secure: ssl.SSLContext) -> None:
    with serving(answering(200), tls=secure) as server:
        outcome = await asked(candidate(server.url, backend="vllm", fallback_url="http://plain.example"))
    assert isinstance(outcome, Found)
    assert outcome.url == "http://plain.example"
    assert outcome.note.startswith("over HTTP, which is allowed there, as its certificate is not accepted (certificate verify failed: ")
    assert outcome.certificate is not None
    assert outcome.certificate.trusted is False


async def test_over_tls_where_the_certificate_is_accepted(secure: ssl.SSLContext, ca_file: str, tmp_path: Path) -> None:
    trusting = f"credentials: [{{host: 127.0.0.1, tls: {{ca_file: {ca_file}}}}}]"
    with serving(answering(200), tls=secure) as server:
        outcome = await asked(candidate(server.url, backend="vllm", fallback_url="http://plain.example"), config(trusting, tmp_path))
    assert isinstance(outcome, Found)
    assert (outcome.url, outcome.note) == (server.url, "")
    assert outcome.certificate is not None
    assert outcome.certificate.ends is not None


async def test_a_key_does_not_go_over_http_for_want_of_a_certificate(secure: ssl.SSLContext, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("canary-key")
    with serving(answering(200), tls=secure) as server:
        outcome = await asked(
            candidate(server.url, backend="vllm", fallback_url="http://plain.example"),
            config("credentials: [{host: 127.0.0.1, api_key: {file: key}}]", tmp_path),
        )
    assert isinstance(outcome, Found)
    assert outcome.url == server.url
    assert outcome.note.endswith("and what is secret does not go over HTTP")


async def test_an_engine_that_is_down_is_no_reason_for_http() -> None:
    outcome = await asked(candidate(f"https://127.0.0.1:{closed_port()}", backend="vllm", fallback_url="http://plain.example"))
    assert isinstance(outcome, Found)
    assert outcome.url.startswith("https://")


async def test_each_is_asked_once_and_none_holds_up_another() -> None:
    news = asyncio.Event()
    silent = candidate("http://127.0.0.1:9", backend=None)
    labelled = replace(silent, name="vllm-benchmark/two", backend="tgi")
    with serving(answering(200, b'{"version":"0.12.0"}')) as server:
        good = replace(candidate(server.url), name="vllm-benchmark/three")
        async with Control() as control:
            asking = Asking(control, SystemClock(), news.set)
            settings, secrets = config(), Secrets()
            first = asking.answers([silent, labelled, good], settings, secrets, HERE)
            assert [first[0], first[2]] == [PassedOver(one.name, "is being asked which engine it is") for one in (silent, good)]
            assert told(first[1]) == ("tgi", labelled.way.url, "")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while asking.busy and not isinstance(asking.answers([silent, labelled, good], settings, secrets, HERE)[2], Found):
                    news.clear()
                    await news.wait()
                later = asking.answers([silent, labelled, good], settings, secrets, HERE)
                assert told(later[2]) == ("vllm", server.url, "")
                while asking.busy:
                    news.clear()
                    await news.wait()
            assert len(server.requests) == 1, "an answer is remembered"
            await asking.close()


class Crowded(Control):
    """Counts how many are asked at the same time. They answer together, once as many are asked as may be."""

    now = most = asked = 0

    def __init__(self) -> None:
        super().__init__()
        self._all = asyncio.Barrier(AT_ONCE)

    async def recognised(self, endpoint: Endpoint) -> str:
        self.now += 1
        self.asked += 1
        self.most = max(self.most, self.now)
        await self._all.wait()
        self.now -= 1
        return "vllm"


async def test_of_many_some_are_asked_at_a_time() -> None:
    one = candidate("http://127.0.0.1:9")
    many = [replace(one, name=f"vllm-benchmark/{number}") for number in range(3 * AT_ONCE)]
    async with Crowded() as control, asyncio.timeout(PATIENCE_SECONDS):
        news = asyncio.Event()
        asking = Asking(control, SystemClock(), news.set)
        asking.answers(many, config(), Secrets(), HERE)
        while asking.busy:
            news.clear()
            await news.wait()
    assert (control.asked, control.most) == (3 * AT_ONCE, AT_ONCE)


BOTH = """
credentials:
  - {host: "*.apps.example.com", headers: {X-A: a}}
  - {host: "*.svc.cluster.local", headers: {X-A: b}}
"""


@pytest.mark.parametrize(
    ("found", "own", "pods", "hosts"),
    [
        ([o.service("one")], 1, None, 1),
        ([o.service("one", port_name="https")], 1, 1, 1),
        ([o.service("one"), o.route("r", "one", host="one.apps.example.com")], 0, None, 1),
        ([o.service("one"), o.route("r", "one", host="one.apps.example.com", termination="reencrypt")], 0, 1, 2),
    ],
    ids=["a Service", "a Service with TLS", "a Route", "a Route that speaks TLS to the pods"],
)
def test_credentials_are_chosen_once_for_each_host_that_is_shown_something(
    found: list[o.Json], own: int, pods: int | None, hosts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(BOTH)
    chosen: list[str] = []

    def choose(name: str, url: str, *more: Any) -> Credential | None:
        chosen.append(url)
        return credential_for(name, url, *more)

    monkeypatch.setattr("discovery.kubernetes.asking.credential_for", choose)
    shown = matched(only(*found), settings)
    assert shown.own is settings.credentials[own]
    assert shown.pods is (None if pods is None else settings.credentials[pods])
    assert len(chosen) == hosts


async def test_other_credentials_make_new_candidates_of_all_and_the_same_again_do_not(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("canary-key")
    keyed = "credentials: [{host: 127.0.0.1, api_key: {file: key}}]"
    with serving(answering(200, b'{"version":"0.12.0"}')) as server:
        one = candidate(server.url)
        async with Control() as control, asyncio.timeout(PATIENCE_SECONDS):
            news = asyncio.Event()
            asking = Asking(control, SystemClock(), news.set)
            for settings, times in ((config(), 1), (config(), 1), (config(keyed, tmp_path), 2), (config(keyed, tmp_path), 2)):
                asking.answers([one], settings, Secrets(), HERE)
                while asking.busy:
                    news.clear()
                    await news.wait()
                assert told(asking.answers([one], settings, Secrets(), HERE)[0]) == ("vllm", server.url, "")
                assert len(server.requests) == times
            await asking.close()
    assert [b"canary-key" in request for request in server.requests] == [False, True]
