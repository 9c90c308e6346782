"""A prompt that does not fit: an engine that refuses it, and one that cuts it without a word, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from cli.remedies import remedy
from probes.ask import Ask, Endpoint, Reply, Timeouts, Wrong
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import END, FINISH, NDJSON, chunk, frame, head, stream, token, whole
from tests.servers import Peer, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)


async def counted(prober: Prober, ask: Ask, tokens: int | None, details: Mapping[str, object] | None = None) -> ChatRecord:
    """A chat with an engine that counts so many tokens in the prompt."""
    usage = {} if tokens is None else {"prompt_tokens": tokens, "completion_tokens": 2}
    if details:
        usage["prompt_tokens_details"] = details  # type: ignore[assignment]

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(stream(token("one"), token(" two"), FINISH, frame({"choices": [], "usage": usage})))

    with serving(script) as server:
        return await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="faults", timeouts=TIMEOUTS)


@pytest.mark.parametrize(("fewest", "tokens"), [(2682, 2050), (18_000, 2050), (18_000, 17_999), (129, 128)])
async def test_far_fewer_tokens_than_were_sent_are_no_answer_to_it(fewest: int, tokens: int, prober: Prober, ask: Ask) -> None:
    record = await counted(prober, replace(ask, fewest_tokens=fewest), tokens)
    assert record.failure is not None
    assert (record.outcome, record.reason, record.failed_check, record.prompt_cut) == ("failed", Reason.VALIDATION, "whole_prompt", True)
    assert record.failure.detail == f"whole_prompt: the prompt has at least {fewest} tokens, and the engine counts {tokens}: it was cut"
    assert remedy(record.failure, "vllm").startswith("the prompt is longer than the engine's context")
    assert (record.answer_head, record.input_tokens) == ("one two", tokens)
    assert record.ttft_seconds is not None


@pytest.mark.parametrize(
    ("fewest", "tokens", "details"),
    [
        pytest.param(2000, 2000, None, id="just as many"),
        pytest.param(2000, 2080, None, id="with a chat template"),
        pytest.param(2000, None, None, id="an engine that does not count"),
        pytest.param(2000, 1, None, id="one that says one, whatever it was"),
        pytest.param(2000, 127, None, id="one that leaves out what it had cached"),
        pytest.param(2000, 400, {"cached_tokens": 1600}, id="one that tells apart what it had cached"),
        pytest.param(0, 130, None, id="a prompt of which nothing is known"),
    ],
)
async def test_what_is_no_cut_prompt(fewest: int, tokens: int | None, details: Mapping[str, object] | None, prober: Prober, ask: Ask) -> None:
    record = await counted(prober, replace(ask, fewest_tokens=fewest), tokens, details)
    assert (record.outcome, record.prompt_cut) == ("ok", False)


@pytest.mark.parametrize(("context", "outcome"), [(2048, "failed"), (4096, "ok"), (None, "ok")])
async def test_what_is_longer_than_the_context_was_cut_whatever_is_counted(context: int | None, outcome: str, prober: Prober, ask: Ask) -> None:
    record = await counted(prober, replace(ask, fewest_tokens=3000, context_tokens=context), 3100)
    assert record.outcome == outcome


async def test_a_cut_prompt_goes_before_what_the_answer_says(prober: Prober, ask: Ask) -> None:
    def check(reply: Reply) -> Wrong:
        return Wrong("greets", "does not")

    record = await counted(prober, replace(ask, fewest_tokens=3000, check=check), 2050)
    assert record.failed_check == "whole_prompt"


WORDS = "request (6011 tokens) exceeds the available context size (4096 tokens), try increasing it"


async def test_ollama_is_asked_to_refuse_it(prober: Prober, ask: Ask) -> None:
    """As Ollama 0.33 does: its runner's error within the text of its own."""
    inner = {"error": {"code": 400, "message": WORDS, "type": "exceed_context_size_error", "n_prompt_tokens": 6011, "n_ctx": 4096}}

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(400, json.dumps({"error": json.dumps(inner)}).encode(), "application/json"))

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "ollama", server.url), ask, scenario="faults", timeouts=TIMEOUTS)
    assert b'"truncate":false' in server.requests[0]
    assert record.failure is not None
    assert (record.reason, record.failure.detail) == (Reason.REJECTED, WORDS)
    assert remedy(record.failure, "ollama").startswith("the prompt and its answer are longer than the engine's context")


async def test_a_server_that_does_not_know_the_field_is_spared_it(prober: Prober, ask: Ask) -> None:
    last = b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}\n'
    line = b'{"message":{"role":"assistant","content":"hi"},"done":false}\n'

    def script(peer: Peer) -> None:
        while True:
            if b'"truncate"' in peer.request():
                peer.send(whole(400, b'{"error":"json: unknown field \\"truncate\\""}', "application/json"))
            else:
                peer.send(head(200, NDJSON) + chunk(line) + chunk(last) + END)

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "ollama", server.url), ask, scenario="faults", timeouts=TIMEOUTS)
    assert (record.outcome, record.left_out) == ("ok", ("truncate",))
