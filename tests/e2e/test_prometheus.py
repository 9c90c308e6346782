"""A real Prometheus scrapes `chatprobe serve`, and its quantiles agree with the records that chatprobe wrote, in whichever form it has histograms."""

from __future__ import annotations

import asyncio
import bisect
import json
import math
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alerts.histograms import Scraped
from catalogue import own
from catalogue.buckets import FIRST_TOKEN
from exporter.metrics.exponential import SCHEMA, bucket_of
from simulator import ENGINES, Latency, Options, simulated
from tests.exporter.scrape import promtool_accepts
from tests.processes import free_port, process, prometheus_binary, prometheus_version
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
                counts = await self.query(COUNT, at)
                if len(counts) == len(ENGINES) and min(counts.values()) >= chats:
                    return at
                await asyncio.sleep(0.2)


@dataclass(frozen=True)
class Form:
    """What is set for it, in chatprobe, in Prometheus 3.8 and newer, and in older ones; and the bucket that a time to first token is counted in:
    above the first bound, up to the second."""

    name: str
    settings: str
    scraping: dict[str, bool]
    flags: tuple[str, ...]
    bucket: Callable[[float], tuple[float, float]]


def classic_bucket(value: float) -> tuple[float, float]:
    bounds = (0.0, *FIRST_TOKEN.bounds, math.inf)
    place = bisect.bisect_left(bounds, value)
    return bounds[place - 1], bounds[place]


def native_bucket(value: float) -> tuple[float, float]:
    place = bucket_of(value, SCHEMA)
    return 2 ** ((place - 1) * 2**-SCHEMA), 2 ** (place * 2**-SCHEMA)


NATIVE = "metrics: {native_histograms: true}\n"
FORMS = (
    Form("classic", "", {}, (), classic_bucket),
    Form("native", NATIVE, {"scrape_native_histograms": True}, ("--enable-feature=native-histograms",), native_bucket),
)
OBSERVED = Scraped(own.TTFT, each="SERIES")
COUNT = OBSERVED.count(("target",))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
async def test_quantiles_agree_with_the_records_to_the_bucket(form: Form, tmp_path: Path) -> None:
    binary = prometheus_binary()
    newer = prometheus_version(binary) >= (3, 8)
    exporter, server = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    async with AsyncExitStack() as stack:
        targets = []
        for place, name in enumerate(ENGINES):
            latency = Latency(first_token_seconds=0.02 * (1 + 3 * place), decode_seconds=0.005, jitter=0.3)
            engine = await stack.enter_async_context(simulated(name, Options(latency=latency, seed=place)))
            targets.append(f"  {name}: {{backend: {name}, url: '{engine.url}', model: tiny}}\n")
        config = tmp_path / "chatprobe.yaml"
        config.write_text(
            f"web: {{listen: '{exporter}'}}\ntargets:\n{''.join(targets)}scenarios: {{quick: {{every: 1s, max_tokens: 8}}}}\n{form.settings}"
        )
        job = {"job_name": "chatprobe", "static_configs": [{"targets": [exporter]}]} | (form.scraping if newer else {})
        scraping = tmp_path / "prometheus.yml"
        scraping.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))  # which is YAML
        session = await stack.enter_async_context(aiohttp.ClientSession())
        serve = (sys.executable, "-m", "cli", "serve", "--config", str(config), "--records", "records.ndjson")
        options = (f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address={server}", *(() if newer else form.flags))
        async with process(*serve, cwd=tmp_path), process(binary, f"--config.file={scraping}", *options, cwd=tmp_path):
            prometheus = Prometheus(f"http://{server}", session)
            at = await prometheus.until_scraped(CHATS)
            assert list((await prometheus.query("up", at)).values()) == [1]
            counts = await prometheus.query(COUNT, at)
            quantiles = {share: await prometheus.query(OBSERVED.quantile(str(share), ("target",)), at) for share in (0.5, 0.9, 0.99)}
            async with session.get(f"http://{exporter}/metrics") as response:
                promtool_accepts(await response.read())

    records = [json.loads(line) for line in (tmp_path / "records.ndjson").read_text().splitlines()]
    assert {record["outcome"] for record in records} == {"ok"}
    for target, count in counts.items():
        scraped = sorted([record["ttft_seconds"] for record in records if record["target"] == target][: int(count)])
        for share, found in quantiles.items():
            rank = share * len(scraped)  # where it is whole, the quantile is anywhere from the one to the next
            low, _ = form.bucket(scraped[math.ceil(rank) - 1])
            _, high = form.bucket(scraped[math.floor(rank)])
            assert low * (1 - 1e-9) <= found[target] <= high * (1 + 1e-9), (target, share, scraped)
