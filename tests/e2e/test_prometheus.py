"""A real Prometheus scrapes `chatprobe serve`, and its quantiles agree with the records that chatprobe wrote."""

from __future__ import annotations

import asyncio
import bisect
import json
import math
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from catalogue.buckets import FIRST_TOKEN
from simulator import ENGINES, Latency, Options, simulated
from tests.exporter.scrape import promtool_accepts
from tests.processes import free_port, process, prometheus_binary
from tests.waiting import PATIENCE_SECONDS

CHATS = 5
"""How many of each engine must have been scraped."""


class Prometheus:
    """Asks its HTTP API. Until it listens, every answer is empty."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def query(self, promql: str, at: float | None = None) -> dict[str, float]:
        """Values by target."""
        parameters = {"query": promql} | ({} if at is None else {"time": str(at)})
        try:
            async with self._session.get(f"{self._url}/api/v1/query", params=parameters) as response:
                answer: dict[str, Any] = await response.json()
        except aiohttp.ClientError:
            return {}
        if response.status == 503:  # it is starting
            return {}
        assert answer["status"] == "success", answer
        return {each["metric"].get("target", ""): float(each["value"][1]) for each in answer["data"]["result"]}

    async def until_scraped(self, chats: int) -> float:
        """Wait until this many chats with each engine were scraped; gives the time of a query that saw them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                (at,) = (await self.query("vector(time())")).values() or (0.0,)
                counts = await self.query("chatprobe_ttft_seconds_count", at)
                if len(counts) == len(ENGINES) and min(counts.values()) >= chats:
                    return at
                await asyncio.sleep(0.2)


def bucket(value: float) -> tuple[float, float]:
    """The bucket that a time to first token is counted in: above the first bound, up to the second."""
    bounds = (0.0, *FIRST_TOKEN.bounds, math.inf)
    place = bisect.bisect_left(bounds, value)
    return bounds[place - 1], bounds[place]


@pytest.mark.prometheus
async def test_quantiles_agree_with_the_records_to_the_bucket(tmp_path: Path) -> None:
    binary = prometheus_binary()
    exporter, server = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    async with AsyncExitStack() as stack:
        targets = []
        for place, name in enumerate(ENGINES):
            latency = Latency(first_token_seconds=0.02 * (1 + 3 * place), decode_seconds=0.005, jitter=0.3)
            engine = await stack.enter_async_context(simulated(name, Options(latency=latency, seed=place)))
            targets.append(f"  {name}: {{backend: {name}, url: '{engine.url}', model: tiny}}\n")
        config = tmp_path / "chatprobe.yaml"
        config.write_text(f"web: {{listen: '{exporter}'}}\ntargets:\n{''.join(targets)}scenarios: {{quick: {{every: 1s, max_tokens: 8}}}}\n")
        scraping = tmp_path / "prometheus.yml"
        scraping.write_text(
            f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: chatprobe, static_configs: [{{targets: ['{exporter}']}}]}}]\n"
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        serve = (sys.executable, "-m", "cli", "serve", "--config", str(config), "--records", "records.ndjson")
        storage = f"--storage.tsdb.path={tmp_path / 'data'}"
        async with (
            process(*serve, cwd=tmp_path),
            process(binary, f"--config.file={scraping}", storage, f"--web.listen-address={server}", cwd=tmp_path),
        ):
            prometheus = Prometheus(f"http://{server}", session)
            at = await prometheus.until_scraped(CHATS)
            assert list((await prometheus.query("up", at)).values()) == [1]
            counts = await prometheus.query("chatprobe_ttft_seconds_count", at)
            quantiles = {
                share: await prometheus.query(f"histogram_quantile({share}, sum by (target, le) (chatprobe_ttft_seconds_bucket))", at)
                for share in (0.5, 0.9, 0.99)
            }
            async with session.get(f"http://{exporter}/metrics") as response:
                promtool_accepts(await response.read())

    records = [json.loads(line) for line in (tmp_path / "records.ndjson").read_text().splitlines()]
    assert {record["outcome"] for record in records} == {"ok"}
    for target, count in counts.items():
        scraped = sorted([record["ttft_seconds"] for record in records if record["target"] == target][: int(count)])
        for share, found in quantiles.items():
            low, high = bucket(scraped[math.ceil(share * len(scraped)) - 1])
            assert low < found[target] <= high, (target, share, scraped)
