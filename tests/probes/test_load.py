"""Loading a model apart from any chat, over real sockets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from probes.adaptation import Adaptation
from probes.ask import Endpoint
from probes.control import Control
from probes.load import LoadError, LoadFailure
from simulator import Library, Options, simulated
from tests.answers import whole
from tests.servers import Peer, closed_port, serving, then_close, then_hold

COLD = Options(models=("tiny", "words"), library=Library(embedding=("words",)), loaded=False, load_seconds=0.05)
PATIENT = 120.0


async def failing(endpoint: Endpoint, model: str = "tiny", timeout_seconds: float = PATIENT) -> LoadError:
    async with Control() as control:
        with pytest.raises(LoadError) as caught:
            await control.load(endpoint, model, timeout_seconds)
    return caught.value


async def test_the_model_is_in_memory_then_in_the_server_s_context_and_nothing_was_said_to_it() -> None:
    async with simulated("ollama", COLD) as engine, Control() as control:
        endpoint = Endpoint("ollama", "ollama", engine.url)
        await control.load(endpoint, "tiny", PATIENT)
        assert [(one.name, one.context_tokens) for one in await control.loaded_models(endpoint)] == [("tiny:latest", 8192)]
        (truth,) = engine.truth.chats()
        assert (truth.prompt_tokens, truth.loaded_ns is None) == (0, False)


async def test_the_request_has_what_the_target_s_chats_have_and_no_more() -> None:
    adaptation = Adaptation(omit=frozenset({"stream"}), extra_body={"options": {"num_ctx": 512}, "keep_alive": -1}, query={"v": "1"})
    with serving(then_hold(whole(200, b"{}"))) as server:
        async with Control() as control:
            endpoint = Endpoint("ollama", "ollama", server.url, api_key="secret", adaptation=adaptation)
            await control.load(endpoint, "tiny", PATIENT)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/chat?v=1 HTTP/1.1\r\n")
    assert b"authorization: bearer secret" in head.lower()
    assert json.loads(body) == {"model": "tiny", "messages": [], "options": {"num_ctx": 512}, "keep_alive": -1}


async def test_an_engine_that_cannot_load_says_why() -> None:
    async with simulated("ollama", replace(COLD, faults=("load-failure",))) as engine:
        error = await failing(Endpoint("ollama", "ollama", engine.url))
    assert (error.cause, error.detail) == (
        LoadFailure.REFUSED,
        "llama-server process has terminated: exit status 1: error loading model: unable to allocate CPU buffer",
    )


async def test_a_model_that_cannot_chat_is_refused_in_the_engine_s_words() -> None:
    async with simulated("ollama", COLD) as engine:
        error = await failing(Endpoint("ollama", "ollama", engine.url), "words")
    assert (error.cause, error.detail) == (LoadFailure.REFUSED, '"words" does not support chat')


async def test_a_load_that_takes_too_long_is_given_up() -> None:
    async with simulated("ollama", replace(COLD, load_seconds=PATIENT)) as engine:
        error = await failing(Endpoint("ollama", "ollama", engine.url), timeout_seconds=0.3)
    assert (error.cause, error.detail) == (LoadFailure.TIMEOUT, "not in memory after 0.3 s")


async def test_nobody_listens() -> None:
    error = await failing(Endpoint("ollama", "ollama", f"http://127.0.0.1:{closed_port()}"))
    assert error.cause is LoadFailure.UNREACHABLE


async def test_a_connection_that_breaks() -> None:
    with serving(then_close(b"")) as server:
        error = await failing(Endpoint("ollama", "ollama", server.url))
    assert error.cause is LoadFailure.UNREACHABLE


async def test_a_key_that_an_engine_repeats_is_not_told() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(500, b'{"error":"cannot load for s3cret-key"}'))

    with serving(script) as server:
        error = await failing(Endpoint("ollama", "ollama", server.url, api_key="s3cret-key"))
    assert "s3cret" not in error.detail
