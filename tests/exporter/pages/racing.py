"""The page of races on an exporter as it runs, with simulated engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from config.reader import parse
from exporter.exporting import exporting
from simulator import Latency, Options, simulated

NAMES = ("vllm", "tgi", "ollama")
CONFIGURATION = """
web: {{listen: "127.0.0.1:0", own_prompts: true}}
targets:
  vllm: {{backend: vllm, url: "{vllm}"}}
  tgi: {{backend: tgi, url: "{tgi}"}}
  ollama: {{backend: ollama, url: "{ollama}"}}
scenarios:
  chat: {{every: 1h, max_tokens: 48}}
"""


@asynccontextmanager
async def racing() -> AsyncIterator[str]:
    """The URL of the page, on an exporter with three engines, each slower than the one before."""
    async with AsyncExitStack() as stack:
        urls = {}
        for place, name in enumerate(NAMES, start=1):
            latency = Latency(first_token_seconds=0.05 * place, decode_seconds=0.012 * place)
            urls[name] = (await stack.enter_async_context(simulated(name, Options(latency=latency, seed=place, loaded=True)))).url
        exporter = await stack.enter_async_context(exporting(parse(CONFIGURATION.format(**urls)).config, grace_seconds=1.0))
        yield f"http://{exporter.address}/race"
