"""A probe as a whole: what of a chat stands in its record."""

from __future__ import annotations

import json
import ssl
import threading
import time
from dataclasses import replace

import pytest
import trustme

from probes.adaptation import Adaptation
from probes.ask import Ask, Endpoint, Reply, Timeouts, Tls, TooSlowError, Wrong
from probes.backends.base import Event
from probes.backends.vllm import VllmChat
from probes.failure import Failure, Reason
from probes.mended import Mended
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import DONE, END, FINISH, NDJSON, ROLE, chunk, head, stream, token, usage, whole
from tests.servers import Peer, Script, closed_port, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)
MS = 1_000_000


def chatting(peer: Peer) -> None:
    """Role, three tokens in two chunks 20 ms apart, finish, usage, marker: each in a segment of its own."""
    pause = threading.Event()
    while True:
        peer.request()
        peer.server.sent.clear()
        peer.send(head())
        for frame in (ROLE, token("one ", 1), token("two three", 3), FINISH, usage(4), DONE):
            pause.wait(0.02)
            peer.send(chunk(frame))
        peer.send(END)


async def test_the_record_of_a_good_chat(prober: Prober, ask: Ask) -> None:
    due_ns = time.monotonic_ns() - 5 * MS
    began = time.time()
    with serving(chatting) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS, due_ns=due_ns)
    sent = server.sent
    assert (record.target, record.backend, record.model, record.scenario) == ("engine", "vllm", "tiny", "cli")
    assert (record.outcome, record.reason, record.http_status, record.connection, record.retries) == ("ok", None, 200, "fresh", 0)
    assert record.mended == Mended(out_of_order=0, resent=0)
    assert (record.text, record.finish_reason) == ("one two three", "stop")
    assert (record.output_tokens, record.input_tokens) == (4, 9)
    assert (record.token_source, record.chunk_token_source, record.clock) == ("usage", "usage", "kernel")
    assert [one.tokens for one in record.chunks] == [1, 2]
    for arrived, sending in ((record.chunks[0].arrived_ns, sent[2]), (record.chunks[1].arrived_ns, sent[3]), (record.finished_ns, sent[6])):
        assert arrived is not None
        assert sending.before_ns - MS <= arrived <= sending.after_ns + MS
    assert record.first_content_seconds == record.ttft_seconds
    assert record.ended_ns == record.finished_ns
    assert began - 1 < record.started_at < time.time()
    assert record.schedule_lag_seconds >= 0.005
    assert f"X-Request-Id: {record.request_id}".encode() in server.requests[0]
    assert sum(seconds or 0 for seconds in record.phases().values()) == pytest.approx(record.e2e_seconds, abs=1e-9)


async def test_each_chat_has_an_id_of_its_own(prober: Prober, ask: Ask) -> None:
    with serving(chatting) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        records = [await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS) for _ in range(2)]
    assert records[0].request_id != records[1].request_id


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("engine", "vllm", "ftp://engine.test"),
        Endpoint("engine", "vllm", "http://engine.test", api_key="ключ"),
    ],
    ids=["no address", "a key that no header can carry"],
)
async def test_what_cannot_be_sent_is_our_fault(endpoint: Endpoint, prober: Prober, ask: Ask) -> None:
    record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
    assert (record.outcome, record.reason) == ("failed", Reason.INTERNAL)
    assert record.failure is not None
    assert "ключ" not in record.failure.detail


def says_four(reply: Reply) -> Wrong | None:
    return None if "four" in reply.text else Wrong("counting", "does not say four")


async def test_a_check_that_is_content(prober: Prober, ask: Ask) -> None:
    seen: list[tuple[Reply, threading.Thread]] = []

    def check(reply: Reply) -> None:
        seen.append((reply, threading.current_thread()))

    with serving(chatting) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), replace(ask, check=check), scenario="cli", timeouts=TIMEOUTS)
    assert (record.outcome, record.failed_check, record.answer_head) == ("ok", None, None)
    [(reply, thread)] = seen
    assert reply == Reply("one two three", output_tokens=4, finish_reason="stop")
    assert thread is not threading.main_thread()


async def test_a_check_that_fails(prober: Prober, ask: Ask) -> None:
    with serving(chatting) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        record = await prober.chat(endpoint, replace(ask, check=says_four), scenario="cli", timeouts=TIMEOUTS)
    assert record.failure == Failure(Reason.VALIDATION, "counting: does not say four", record.ended_ns)
    assert (record.failed_check, record.answer_head) == ("counting", "one two three")
    assert record.ended_ns == record.finished_ns
    assert record.ttft_seconds is not None
    assert record.tpot_seconds is not None


async def test_the_head_of_an_answer_is_short_and_without_secrets(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(stream(token("x" * 295), token("k-secret"), token("y" * 50)))

    with serving(script) as server:
        endpoint = Endpoint("engine", "vllm", server.url, api_key="k-secret")
        record = await prober.chat(endpoint, replace(ask, check=says_four), scenario="cli", timeouts=TIMEOUTS)
    assert record.answer_head == "x" * 295 + "<secr"


async def test_a_check_is_asked_of_whole_answers_only(prober: Prober, ask: Ask) -> None:
    asked: list[Reply] = []

    def check(reply: Reply) -> Wrong:
        asked.append(reply)
        return Wrong("always", "wrong")

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token()))

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), replace(ask, check=check), scenario="cli", timeouts=TIMEOUTS)
    assert (record.reason, asked) == (Reason.TRUNCATED, [])


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (LookupError("what the answer said"), "the check of the answer broke: LookupError"),
        (TooSlowError("the check slow took too long"), "the check slow took too long"),
    ],
    ids=["breaks", "is too slow"],
)
async def test_a_check_that_fails_itself_is_our_fault(error: Exception, detail: str, prober: Prober, ask: Ask) -> None:
    def check(reply: Reply) -> Wrong | None:
        raise error

    with serving(chatting) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), replace(ask, check=check), scenario="cli", timeouts=TIMEOUTS)
    assert record.failure == Failure(Reason.INTERNAL, detail, record.ended_ns)
    assert (record.failed_check, record.answer_head) == (None, None)


async def test_chats_that_are_compared_share_an_id(prober: Prober, ask: Ask) -> None:
    with serving(chatting) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS, pair_id="7f")
    assert record.pair_id == "7f"


async def test_an_adapter_that_breaks_is_our_fault_in_that_chat_alone(prober: Prober, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(form: VllmChat, frame: bytes) -> Event:
        raise ZeroDivisionError

    with serving(chatting) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        with monkeypatch.context() as patch:
            patch.setattr(VllmChat, "read", read)
            broken = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
        after = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
    assert (broken.reason, after.outcome) == (Reason.INTERNAL, "ok")


async def test_a_chunk_with_the_next_ones_size_behind_it_has_a_bound(prober: Prober, ask: Ask) -> None:
    """The size may have come later, and then the stamp of the read is its own."""

    def script(peer: Peer) -> None:
        peer.request()
        second = chunk(token("two", 2))
        size = second.index(b"\r\n") + 2
        peer.send(head() + chunk(ROLE))
        threading.Event().wait(0.05)
        peer.send(chunk(token("one ", 1)) + second[:size])
        threading.Event().wait(0.05)
        peer.send(second[size:])
        threading.Event().wait(0.05)
        peer.send(chunk(FINISH) + chunk(usage(2)) + chunk(DONE) + END)

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="cli", timeouts=TIMEOUTS)
    assert record.outcome == "ok"
    assert record.chunks[0].error_ns > 0
    assert record.chunks[1].error_ns == 0


async def test_a_client_certificate_that_is_missed_after_the_handshake(prober: Prober, ask: Ask, authority: trustme.CA, ca_file: str) -> None:
    """TLS 1.3: the client's side of the handshake is over before the server looks for a certificate."""
    wanting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wanting.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.issue_cert("127.0.0.1").configure_cert(wanting)
    authority.configure_trust(wanting)
    wanting.verify_mode = ssl.CERT_REQUIRED
    with serving(chatting, tls=wanting) as server:
        endpoint = Endpoint("engine", "vllm", server.url, tls=Tls(ca_file=ca_file))
        record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
    assert record.reason is Reason.TLS
    assert record.failure is not None
    assert "certificate required" in record.failure.detail


async def test_what_an_error_repeats_of_our_secrets_is_not_told(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(403, b'{"error":{"message":"k-secret is no key, nor is t-secret"}}'))

    with serving(script) as server:
        endpoint = Endpoint("engine", "vllm", server.url, api_key="k-secret", headers={"X-Token": "t-secret"})
        record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
    assert record.reason is Reason.AUTH
    assert record.failure is not None
    assert record.failure.detail == "<secret> is no key, nor is <secret>"


KEY = "sk-" + "0123456789abcdef" * 4


@pytest.mark.parametrize("status", [401, 200], ids=["status", "stream"])
@pytest.mark.parametrize("before", ["x" * 150, "x" * 150 + " " * 1800, "x" * 150 + "\\n" * 3])
async def test_a_secret_is_not_told_where_a_detail_is_cut(before: str, status: int, prober: Prober, ask: Ask) -> None:
    error = f'{{"error":{{"message":"{before} {KEY} is no key"}}}}'.encode()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(401, error) if status == 401 else stream(b"data: " + error + b"\n\n"))

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url, api_key=KEY), ask, scenario="cli", timeouts=TIMEOUTS)
    assert record.failure is not None
    assert record.failure.detail == "x" * 150 + " <secret> is no key"


async def test_a_secret_that_the_limit_of_a_body_cuts_is_not_told(prober: Prober, ask: Ask) -> None:
    key = "sk-" + "0123456789abcdef" * 200
    body = f"{key} " * 30

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(401, body.encode()))

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url, api_key=key), ask, scenario="cli", timeouts=TIMEOUTS)
    assert record.failure is not None
    assert set(record.failure.detail.rstrip("…").split()[:20]) == {"<secret>"}
    assert "0123" not in record.failure.detail


async def test_what_a_check_repeats_of_our_secrets_is_not_told(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(stream(token("xyz")))

    with serving(script) as server:
        endpoint = Endpoint("engine", "vllm", server.url, api_key=KEY)
        asked = replace(ask, check=lambda _: Wrong("shape", f"{'x' * 150} {KEY} is not known"))
        record = await prober.chat(endpoint, asked, scenario="cli", timeouts=TIMEOUTS)
    assert record.failure is not None
    assert record.failure.detail == f"shape: {'x' * 150} <secret> is not known"


async def test_a_count_of_tokens_beyond_reason_is_no_count(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(ROLE) + chunk(token("one", 1)) + chunk(token("two", 2**32 - 1)) + chunk(FINISH) + chunk(DONE) + END)

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="cli", timeouts=TIMEOUTS)
    assert (record.outcome, record.output_tokens, [one.tokens for one in record.chunks]) == ("ok", 2, [1, 1])


def ollama_answering(load_seconds: object) -> Script:
    line = b'{"model":"tiny","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"one"},"done":false}\n'
    last = json.dumps({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "load_duration": load_seconds})

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(head(content_type=NDJSON) + chunk(line) + chunk(last.encode() + b"\n") + END)

    return script


@pytest.mark.parametrize(
    ("load_ns", "load_model", "load"),
    [
        (200_000_000, False, None),
        (200_000_001, False, "unwanted"),
        (40_000_000_000, False, "unwanted"),
        (40_000_000_000, True, "allowed"),
        (1_100_000, True, None),
        (None, False, None),
        ("long", False, None),
    ],
)
async def test_a_chat_that_waited_for_its_model_to_be_loaded_says_so(
    load_ns: object, load_model: bool, load: str | None, prober: Prober, ask: Ask
) -> None:
    with serving(ollama_answering(load_ns)) as server:
        endpoint = Endpoint("engine", "ollama", server.url, load_model=load_model)
        record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
    assert (record.outcome, record.load, record.to_json()["load"]) == ("ok", load, load)


async def reached(prober: Prober, ask: Ask, url: str, timeouts: Timeouts = TIMEOUTS) -> ChatRecord | None:
    endpoint = Endpoint("engine", "ollama", url, api_key="k", adaptation=Adaptation(query={"team": "blue"}))
    return await prober.reach(endpoint, ask, scenario="beat", timeouts=timeouts, due_ns=1, pair_id="pair")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (whole(200, b'{"models":[]}'), None),
        (whole(200, b""), None),
        (whole(403, b"not here", "text/plain"), None),
        (whole(500, b"{}"), None),
        (whole(503, b"no pod", "text/plain"), Reason.UNAVAILABLE),
        (whole(504, b"", "text/plain"), Reason.UNAVAILABLE),
        (b"", Reason.TRUNCATED),
        (None, Reason.FIRST_TOKEN_TIMEOUT),
    ],
)
async def test_an_engine_that_answers_nothing_fails_as_a_chat_would_and_is_sent_none(
    answer: bytes | None, reason: Reason | None, prober: Prober, ask: Ask
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        if answer is None:
            peer.await_client_gone()
        else:
            peer.send(answer)

    with serving(script) as server:
        record = await reached(prober, ask, server.url, replace(TIMEOUTS, first_token_seconds=0.3))
    assert all(request.startswith(b"GET /api/ps?team=blue HTTP/1.1\r\n") for request in server.requests)
    assert b"Authorization: Bearer k" in server.requests[0]
    assert (record and record.reason) == reason
    if record is not None:
        assert (record.target, record.scenario, record.model, record.due_ns, record.pair_id) == ("engine", "beat", "tiny", 1, "pair")
        assert record.failure is not None
        assert record.failure.detail.endswith("(/api/ps, asked in place of a chat)")
        assert sum(seconds or 0 for seconds in record.phases().values()) == pytest.approx(record.e2e_seconds)


async def test_nobody_there_is_a_failure_to_connect_with_its_phases(prober: Prober, ask: Ask) -> None:
    record = await reached(prober, ask, f"http://127.0.0.1:{closed_port()}")
    assert record is not None
    assert (record.outcome, record.reason) == ("failed", Reason.CONNECT)
    assert record.phases()["connect"] is not None


async def test_the_process_makes_itself_nice_with_its_first_chat_and_not_before(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    yielded: list[int] = []
    monkeypatch.setattr("probes.wire.client.yield_to_worker", lambda: yielded.append(1))
    with serving(chatting) as server:
        async with Prober() as own:
            assert yielded == []
            await own.chat(Endpoint("engine", "vllm", server.url), ask, scenario="cli", timeouts=TIMEOUTS)
    assert yielded == [1]
