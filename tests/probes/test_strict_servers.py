"""Chats with servers that refuse fields: what they name is left out from then on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.adaptation import Adaptation
from probes.ask import Ask, Endpoint, Timeouts
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from probes.spare import named
from tests.answers import FINISH, stream, token, usage, whole
from tests.servers import Peer, Script, Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)
GOOD = stream(token("Hi"), FINISH, usage(1))
Body = dict[str, object]


def answering(answer: Callable[[Body], bytes]) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.send(answer(json.loads(peer.request().partition(b"\r\n\r\n")[2])))

    return script


def refusing_one_at_a_time(*names: str) -> Callable[[Body], bytes]:
    def answer(body: Body) -> bytes:
        wrong = next((name for name in names if name in body), None)
        return GOOD if wrong is None else whole(400, json.dumps({"error": {"message": f"property '{wrong}' is unsupported"}}).encode())

    return answer


async def chat(prober: Prober, server: Server, ask: Ask, *, pair_id: str | None = None) -> ChatRecord:
    return await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="cli", timeouts=TIMEOUTS, pair_id=pair_id)


async def test_what_is_refused_is_left_out_and_learnt_once(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("seed", "cache_salt"))) as server:
        first, second = [await chat(prober, server, replace(ask, nonce="n0nce")) for _ in range(2)]
        assert [record.outcome for record in (first, second)] == ["ok", "ok"]
        assert first.left_out == second.left_out == ("cache_salt", "seed")
        assert first.to_json()["left_out"] == ["cache_salt", "seed"]
        assert len(server.requests) == 4  # two refused, two answered
    assert b"n0nce (reference number" in server.requests[-1]


async def test_the_record_is_of_the_chat_that_was_answered(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("seed"))) as server:
        record = await chat(prober, server, ask)
    assert f"X-Request-Id: {record.request_id}".encode() in server.requests[1]
    assert (record.http_status, record.retries) == (200, 0)


async def test_another_target_learns_by_itself(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("seed"))) as strict, serving(answering(refusing_one_at_a_time())) as other:
        await chat(prober, strict, ask)
        assert (await chat(prober, other, ask)).left_out == ()


async def test_what_did_not_help_is_sent_again(prober: Prober, ask: Ask) -> None:
    def answer(body: Body) -> bytes:
        return whole(400, b'{"error":{"message":"out of context, whatever the seed"}}' if "seed" in body else b'{"error":{"message":"too long"}}')

    with serving(answering(answer)) as server:
        records = [await chat(prober, server, ask) for _ in range(2)]
    assert [record.reason for record in records] == [Reason.REJECTED, Reason.REJECTED]
    assert [b'"seed"' in request for request in server.requests] == [True, False, True, False]


async def test_one_of_a_pair_is_not_sent_again_but_learns(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("seed"))) as server:
        first = await chat(prober, server, ask, pair_id="pair")
        second = await chat(prober, server, ask, pair_id="pair")
    assert (first.reason, first.left_out, second.outcome, second.left_out) == (Reason.REJECTED, (), "ok", ("seed",))


async def test_what_cannot_be_spared_stays(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("min_tokens"))) as server:
        record = await chat(prober, server, replace(ask, exact_length=True))
    assert (record.reason, len(server.requests)) == (Reason.REJECTED, 1)


async def test_a_chat_that_is_to_think_is_not_sent_without_saying_so(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("chat_template_kwargs"))) as server:
        assert (await chat(prober, server, ask)).left_out == ("chat_template_kwargs",)
        thinking = await chat(prober, server, replace(ask, thinking=True))
        assert (thinking.reason, thinking.left_out, len(server.requests)) == (Reason.REJECTED, (), 3)
        assert (await chat(prober, server, ask)).outcome == "ok"
        assert len(server.requests) == 4


async def test_what_the_operator_adds_is_not_left_out(prober: Prober, ask: Ask) -> None:
    with serving(answering(refusing_one_at_a_time("seed"))) as server:
        endpoint = Endpoint("engine", "vllm", server.url, adaptation=Adaptation(extra_body={"seed": 7}))
        record = await prober.chat(endpoint, ask, scenario="cli", timeouts=TIMEOUTS)
    assert (record.reason, record.left_out, len(server.requests)) == (Reason.REJECTED, (), 1)


@pytest.mark.parametrize(
    ("status", "refusal", "names"),
    [
        # Cerebras: its `param` is no field
        (400, {"message": "body.seed: property 'body.seed' is unsupported", "param": "validation_error"}, {"seed"}),
        (422, "unknown field `cache_salt`, expected one of `model`, `seed`, `stream_options`", {"cache_salt"}),
        (500, {"detail": "generate() got an unexpected keyword argument 'seed'"}, {"seed"}),
        (501, {"error": {"message": "stream_options is not implemented"}}, {"stream_options"}),
        (500, {"detail": "CUDA error, seed 7"}, set()),
        (400, {"error": {"message": "too long, with a seed", "param": "messages"}}, set()),
    ],
)
async def test_how_a_refusal_names_a_field(status: int, refusal: object, names: set[str]) -> None:
    body = refusal.encode() if isinstance(refusal, str) else json.dumps(refusal).encode()
    assert named(status, body, ["model", "messages", "seed", "stream_options", "cache_salt"]) == names


async def test_what_a_server_stumbles_over_is_left_out(prober: Prober, ask: Ask) -> None:
    stumble = whole(500, b'{"detail":"generate() got an unexpected keyword argument \'seed\'"}')
    with serving(answering(lambda body: stumble if "seed" in body else GOOD)) as server:
        record = await chat(prober, server, ask)
    assert (record.outcome, record.left_out) == ("ok", ("seed",))
