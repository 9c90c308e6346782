"""An answer that its engine cuts because it repeats itself, over a real socket: nothing on the way is to blame."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from cli.remedies import remedy
from probes.ask import Ask, Endpoint, Timeouts
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import END, NDJSON, chunk, head, token
from tests.servers import Peer, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)
CUT = "the answer ended without its end after 31 pieces alike in a row: Ollama cuts a model that repeats itself"
UNKNOWN = "the answer ended without a finish reason and without its terminal marker"


def line(piece: str, *, thinking: bool = False) -> bytes:
    message = {"role": "assistant", "content": "", "thinking": piece} if thinking else {"role": "assistant", "content": piece}
    return json.dumps({"model": "rep", "message": message, "done": False}).encode() + b"\n"


async def of_ollama(prober: Prober, ask: Ask, lines: Sequence[bytes], end: bytes = END) -> ChatRecord:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head(200, NDJSON) + b"".join(map(chunk, lines)) + end)

    with serving(script) as server:
        return await prober.chat(Endpoint("engine", "ollama", server.url), ask, scenario="faults", timeouts=TIMEOUTS)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([line("you"), *[line(" and")] * 31], id="one word"),
        pytest.param([line("you"), *[line(" and"), line("and")] * 15, line("and ")], id="white space aside"),
        pytest.param([line("you"), *[line("\n")] * 31], id="empty lines"),
        pytest.param([line("hm", thinking=True)] * 31, id="while it thinks"),
    ],
)
async def test_ollamas_guard_is_told_and_no_proxy_is_blamed(lines: list[bytes], prober: Prober, ask: Ask) -> None:
    record = await of_ollama(prober, ask, lines)
    assert record.failure is not None
    assert (record.reason, record.failure.detail) == (Reason.TRUNCATED, CUT)
    assert remedy(record.failure, "ollama").startswith("the model repeats itself, and nothing on the way cut its answer")
    assert record.tpot_seconds is not None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([line("you"), *[line(" and")] * 29], id="too few alike"),
        pytest.param([*[line(" and")] * 31, line(" so")], id="not at the end"),
        pytest.param([line(f" {word}") for word in ("to", "be", "or") * 20], id="several words again and again"),
    ],
)
async def test_another_silent_end_is_not_taken_for_it(lines: list[bytes], prober: Prober, ask: Ask) -> None:
    record = await of_ollama(prober, ask, lines)
    assert record.failure is not None
    assert (record.reason, record.failure.detail) == (Reason.TRUNCATED, UNKNOWN)
    assert remedy(record.failure, "ollama").startswith("something cut the connection")


async def test_a_connection_that_dies_meanwhile_was_not_cut_by_the_guard(prober: Prober, ask: Ask) -> None:
    record = await of_ollama(prober, ask, [line(" and")] * 31, end=b"")
    assert record.reason is Reason.TRUNCATED
    assert record.failure is not None
    assert "alike" not in record.failure.detail


async def test_an_answer_that_repeats_itself_and_ends_is_an_answer(prober: Prober, ask: Ask) -> None:
    last = b'{"model":"rep","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","eval_count":31}\n'
    assert (await of_ollama(prober, ask, [*[line(" and")] * 31, last])).outcome == "ok"


@pytest.mark.parametrize(("backend", "detail"), [("openai", CUT), ("vllm", UNKNOWN)])
async def test_ollama_behind_openais_form_cuts_too_and_other_engines_do_not(backend: str, detail: str, prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + b"".join(chunk(token(" and")) for _ in range(31)) + END)

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", backend, server.url), ask, scenario="faults", timeouts=TIMEOUTS)
    assert record.failure is not None
    assert (record.reason, record.failure.detail) == (Reason.TRUNCATED, detail)
