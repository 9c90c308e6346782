"""Whether a chat would load a model, by what an engine answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from probes.ask import Endpoint
from probes.control import Control
from probes.loading import Memory, memory
from tests.answers import whole
from tests.servers import Peer, closed_port, serving

TAGS = whole(200, b'{"models":[{"name":"Qwen3:8b"},{"name":"tiny:latest"}]}')
GONE = whole(503, b"no pod")
FORBIDDEN = whole(403, b"not here")
CLOSED = b""


def in_memory(*names: str) -> bytes:
    return whole(200, json.dumps({"models": [{"name": name} for name in names]}).encode())


async def found(answers: Mapping[bytes, bytes], model: str) -> Memory:
    def script(peer: Peer) -> None:
        while True:
            answer = answers[peer.request().split()[1]]
            if answer == CLOSED:
                return
            peer.send(answer)

    with serving(script) as server:
        async with Control() as control:
            return await memory(control, Endpoint("engine", "ollama", server.url), model)


@pytest.mark.parametrize(
    ("ps", "tags", "model", "expected"),
    [
        (in_memory("qwen3:8b"), TAGS, "Qwen3:8B", Memory.LOADED),
        (in_memory("qwen3:8b"), TAGS, "registry.ollama.ai/library/qwen3:8b", Memory.LOADED),
        (in_memory("qwen3:8b"), whole(200, b'{"models":[]}'), "qwen3:8b", Memory.LOADED),
        (in_memory("tiny:latest"), TAGS, "QWEN3:8B", Memory.UNLOADED),
        (in_memory(), TAGS, "library/Tiny", Memory.UNLOADED),
        (in_memory(), TAGS, "other", Memory.ABSENT),
        (in_memory(), FORBIDDEN, "other", Memory.UNLOADED),
        (FORBIDDEN, TAGS, "tiny", Memory.UNTOLD),
        (FORBIDDEN, GONE, "tiny", Memory.UNTOLD),
        (whole(200, b"hello"), TAGS, "tiny", Memory.UNTOLD),
        (GONE, TAGS, "tiny", Memory.UNTOLD),
        (GONE, FORBIDDEN, "tiny", Memory.UNTOLD),
        (CLOSED, TAGS, "tiny", Memory.UNTOLD),
        (GONE, GONE, "tiny", Memory.SILENT),
        (CLOSED, CLOSED, "tiny", Memory.SILENT),
    ],
)
async def test_where_a_model_is(ps: bytes, tags: bytes, model: str, expected: Memory) -> None:
    assert await found({b"/api/ps": ps, b"/api/tags": tags}, model) is expected


async def test_nobody_there_is_for_the_chat_to_show() -> None:
    async with Control() as control:
        assert await memory(control, Endpoint("engine", "ollama", f"http://127.0.0.1:{closed_port()}"), "tiny") is Memory.SILENT
        assert await memory(control, Endpoint("engine", "vllm", f"http://127.0.0.1:{closed_port()}"), "tiny") is Memory.ALWAYS
