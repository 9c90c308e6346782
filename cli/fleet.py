"""The demo's engines: a simulated vLLM, TGI and Ollama in a process of their own, so that they do not disturb who measures them.

Started as `python -m cli.fleet NAME`, with the name of one of `FLEETS`: it prints a line `ENGINE URL` for each, and ends
when its standard input does, so with its parent whatever that dies of.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    # they may reach the whole group, and it while it is still importing; the parent lets chats end first, and closes our input
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Literal

from simulator import Latency, Options, simulated

ENGINES: dict[str, Options] = {
    "vllm": Options(
        models=("qwen2.5-7b-instruct",), latency=Latency(first_token_seconds=0.028, decode_seconds=0.0125, jitter=0.04), answer_tokens=60, seed=1
    ),
    "tgi": Options(
        models=("llama-3.1-8b-instruct",), latency=Latency(first_token_seconds=0.041, decode_seconds=0.0155, jitter=0.06), answer_tokens=60, seed=2
    ),
    "ollama": Options(
        models=("gemma3:4b",), latency=Latency(first_token_seconds=0.085, decode_seconds=0.0235, jitter=0.08), answer_tokens=60, seed=3, loaded=True
    ),
}
"""Models of 4 to 8 billion parameters, as one data-centre GPU serves the first two and a workstation the last."""
WATCHED: dict[str, Options] = {
    name: replace(options, answer_tokens=130, latency=replace(options.latency, prefill_tokens_per_second=speed))
    for (name, options), speed in zip(ENGINES.items(), (5000.0, 4000.0, 900.0), strict=True)
}
"""The same, for somebody who reads along: answers are longer, and a prompt takes its time where it is not in the prefix cache."""
FLEETS = {"measured": ENGINES, "watched": WATCHED}
START_SECONDS = 20.0
STOP_SECONDS = 5.0


class FleetError(Exception):
    """The engines did not start."""


@asynccontextmanager
async def fleet(which: Literal["measured", "watched"] = "measured") -> AsyncIterator[dict[str, str]]:
    """Run the engines while the context lasts; gives each one's URL by its name. Raises `FleetError`."""
    engines = FLEETS[which]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.fleet", which),  # -P: a folder `cli` where the user stands is none of ours
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        urls: dict[str, str] = {}
        try:
            async with asyncio.timeout(START_SECONDS):
                while len(urls) < len(engines) and (line := await process.stdout.readline()):
                    name, _, url = line.decode().strip().partition(" ")
                    urls[name] = url
        except TimeoutError:
            pass
        if len(urls) < len(engines):
            raise FleetError("the simulated engines did not start")
        yield urls
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _run(engines: Mapping[str, Options]) -> None:
    async with AsyncExitStack() as stack:
        for name, options in engines.items():
            engine = await stack.enter_async_context(simulated(name, options))
            print(name, engine.url, flush=True)  # noqa: T201 - this is what the parent waits for
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


if __name__ == "__main__":
    asyncio.run(_run(FLEETS[sys.argv[1]]))
