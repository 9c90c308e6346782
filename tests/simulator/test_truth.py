"""The ground truth agrees with what a client gets."""

from __future__ import annotations

import asyncio
import ssl
import time

import orjson
import trustme

from simulator import Latency, Options, simulated
from simulator.truth import MAX_WRITES, ChatTruth, Truth, Write
from tests.simulator.raw import CHAT, ask, chat, connect, request, split
from tests.waiting import PATIENCE_SECONDS


async def test_every_token_arrives_after_it_was_sent_and_soon(quick: Options) -> None:
    async with simulated("vllm", quick) as engine:
        reader, writer = await connect(engine.url)
        sent_ns = time.monotonic_ns()
        writer.write(request("POST", CHAT, chat(20), {"X-Request-Id": "one"}))
        seen, arrivals = b"", []
        while data := await reader.read(65536):
            seen += data
            arrivals.append((time.monotonic_ns(), seen.count(b'"content":"') - seen.count(b'"content":""')))
        writer.close()
        truth = orjson.loads(split(await ask(engine.url, "GET", "/sim/truth/one"))[2])
    writes = [write for write in truth["writes"] if write["tokens"]]
    assert len(writes) == arrivals[-1][1] == 20
    assert sent_ns < truth["arrived_ns"] < writes[0]["before_ns"]
    for place, write in enumerate(writes, start=1):
        arrived_ns = next(instant_ns for instant_ns, tokens in arrivals if tokens >= place)
        assert write["due_ns"] <= write["before_ns"] <= write["after_ns"]
        assert write["before_ns"] < arrived_ns < write["after_ns"] + 200_000_000
    assert (truth["status"], truth["ended"], truth["prompt_tokens"]) == (200, "done", 7)
    assert sum(write["size"] for write in truth["writes"]) == len(seen)


async def test_over_tls() -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    async with simulated("vllm", Options(latency=Latency(decode_seconds=0.002)), ssl_context=server) as engine:
        assert engine.url.startswith("https://")
        reader, writer = await connect(engine.url, client)
        writer.write(request("POST", CHAT, chat(5), {"X-Request-Id": "one"}))
        body = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()
        truth = engine.truth.chat("one")
    assert b"data: [DONE]" in body
    assert truth is not None
    assert truth.tokens == 5


async def test_tokens_keep_to_their_schedule_over_a_long_answer() -> None:
    async with simulated("vllm", Options(latency=Latency(decode_seconds=0.002))) as engine:
        await ask(engine.url, "POST", CHAT, chat(300, ignore_eos=True), {"X-Request-Id": "one"})
        truth = engine.truth.chat("one")
    assert truth is not None
    due = [write.due_ns for write in truth.token_writes]
    assert all(instant is not None for instant in due)
    assert due[-1] - due[0] == 299 * 2_000_000  # type: ignore[operator]


def test_memory_is_bounded() -> None:
    truth = Truth(2)
    for name in "abc":
        truth.begin(name, CHAT, 0)
    assert [one.request_id for one in truth.chats()] == ["b", "c"]
    assert truth.chat("a") is None
    chat_truth = ChatTruth("a", CHAT, 0)
    for _ in range(MAX_WRITES + 3):
        chat_truth.note(Write(0, 0, 1, ("token",), 1))
    assert (len(chat_truth.writes), chat_truth.writes_forgotten) == (MAX_WRITES, 3)


async def test_an_unknown_chat_is_told_so(quick: Options) -> None:
    async with simulated("tgi", quick) as engine:
        assert split(await ask(engine.url, "GET", "/sim/truth/none"))[0] == 404
        assert split(await ask(engine.url, "GET", "/sim/truth"))[2] == b"[]"
        assert split(await ask(engine.url, "GET", "/sim/other"))[0] == 404
