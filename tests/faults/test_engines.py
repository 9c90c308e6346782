"""Each engine's own way to refuse or to break off, by the bytes that it sends, over a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from probes.ask import Ask, Endpoint, Timeouts
from probes.failure import Reason
from probes.probing import Prober
from tests.answers import END, NDJSON, SSE, chunk, head, whole
from tests.servers import Peer, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIXTURES = Path(__file__).parents[1] / "probes" / "backends" / "fixtures"
TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)

STREAMS = [
    ("vllm/abort.sse", "chat", Reason.ERROR_IN_STREAM),
    ("vllm/error-first.sse", "chat", Reason.OVERLOADED),
    ("vllm/error-after-text.sse", "chat", Reason.ERROR_IN_STREAM),
    ("vllm/error-string.sse", "chat", Reason.OVERLOADED),
    ("vllm/truncated.sse", "chat", Reason.TRUNCATED),
    ("vllm/chat.sse", "chat", None),
    ("vllm/reasoning.sse", "chat", None),
    ("vllm/empty-deltas.sse", "chat", None),
    ("tgi/chat-overloaded.sse", "chat", Reason.OVERLOADED),
    ("tgi/chat-validation.sse", "chat", Reason.REJECTED),
    ("tgi/chat-error-after-text.sse", "chat", Reason.ERROR_IN_STREAM),
    ("tgi/chat.sse", "chat", None),
    ("tgi/chat-keep-alive.sse", "chat", None),
    ("tgi/generate-overloaded.sse", "generate", Reason.OVERLOADED),
    ("tgi/generate-error-after-text.sse", "generate", Reason.ERROR_IN_STREAM),
    ("tgi/generate-truncated.sse", "generate", Reason.TRUNCATED),
    ("tgi/generate-eos.sse", "generate", None),
    ("ollama/error-after-text.ndjson", "chat", Reason.ERROR_IN_STREAM),
    ("ollama/silent-truncation.ndjson", "chat", Reason.TRUNCATED),
    ("ollama/load-only.ndjson", "chat", Reason.EMPTY),
    ("ollama/chat.ndjson", "chat", None),
    ("ollama/thinking.ndjson", "chat", None),
    ("openai/rate-limit.sse", "chat", Reason.OVERLOADED),
    ("openai/ollama-empty-error.sse", "chat", Reason.ERROR_IN_STREAM),
    ("openai/ollama-chat.sse", "chat", None),
]
STATUSES = [
    ("vllm", 401, "vllm/401.json", Reason.AUTH),
    ("vllm", 404, "vllm/404-model.json", Reason.MODEL_MISSING),
    ("vllm", 404, "vllm/404-path.json", Reason.REJECTED),
    ("vllm", 400, "vllm/400-field.json", Reason.REJECTED),
    ("vllm", 500, "vllm/500.json", Reason.SERVER_ERROR),
    ("vllm", 503, "vllm/503-queue.json", Reason.OVERLOADED),
    ("vllm", 503, "503-openshift.html", Reason.UNAVAILABLE),
    ("tgi", 429, "tgi/429.json", Reason.OVERLOADED),
    ("tgi", 424, "tgi/424.json", Reason.SERVER_ERROR),
    ("tgi", 422, "tgi/422-template.json", Reason.REJECTED),
    ("tgi", 503, "503-router.html", Reason.UNAVAILABLE),
    ("ollama", 404, "ollama/404.json", Reason.MODEL_MISSING),
    ("ollama", 404, "ollama/404-path.txt", Reason.REJECTED),
    ("ollama", 503, "ollama/503.json", Reason.OVERLOADED),
    ("ollama", 400, "ollama/400-think.json", Reason.REJECTED),
    ("ollama", 403, None, Reason.REJECTED),
    ("openai", 404, "openai/404-model.json", Reason.MODEL_MISSING),
]


@pytest.mark.parametrize(("fixture", "api", "reason"), STREAMS, ids=[fixture for fixture, _, _ in STREAMS])
async def test_streams(fixture: str, api: Literal["chat", "generate"], reason: Reason | None, prober: Prober, ask: Ask) -> None:
    body = (FIXTURES / fixture).read_bytes()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head(200, NDJSON if fixture.endswith(".ndjson") else SSE))
        for line in body.splitlines(keepends=True):
            peer.send(chunk(line))
        peer.send(END)
        peer.await_client_gone()

    with serving(script) as server:
        endpoint = Endpoint("engine", fixture.partition("/")[0], server.url, api=api)
        record = await prober.chat(endpoint, ask, scenario="faults", timeouts=TIMEOUTS)
    assert record.reason is reason
    assert record.outcome == ("failed" if reason else "ok")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("backend", "status", "fixture", "reason"), STATUSES, ids=[f"{name} {fixture or status}" for name, status, fixture, _ in STATUSES]
)
async def test_statuses(backend: str, status: int, fixture: str | None, reason: Reason, prober: Prober, ask: Ask) -> None:
    body = (FIXTURES / fixture).read_bytes() if fixture else b""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(status, body))
        peer.await_client_gone()

    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", backend, server.url), ask, scenario="faults", timeouts=TIMEOUTS)
    assert (record.reason, record.http_status) == (reason, status)
    assert len(server.requests) == 1
