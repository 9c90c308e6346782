"""What dashboards are looked at with: a simulated engine of each kind, the exporter on them, and a real Prometheus with the rules of its SLOs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import aiohttp
import yaml

from alerts import recordings
from alerts.build import build
from config.reader import parse
from simulator import Latency, Options, simulated
from tests.dashboards.asking import Prometheus
from tests.processes import free_port, process, prometheus_binary, prometheus_version
from tests.waiting import PATIENCE_SECONDS

JOB = "chatprobe"
CONVERTED, BESIDE = "converted", "beside"
NATIVE = {"scrape_native_histograms": True}
"""What Prometheus 3.8 and newer are told for the native histograms of ours."""
CONVERTS: Mapping[str, Mapping[str, bool]] = {
    CONVERTED: {"convert_classic_histograms_to_nhcb": True},
    BESIDE: {**NATIVE, "always_scrape_classic_histograms": True},
}
"""More jobs that scrape the same, in each of which histograms are native ones: made of the classic ones, or ours beside these."""
ENGINES: dict[str, Options] = {
    "vllm": Options(
        models=("qwen2.5-7b-instruct",),
        latency=Latency(first_token_seconds=0.028, decode_seconds=0.0125, jitter=0.08),
        answer_tokens=60,
        seed=1,
        per_request_metrics=True,
    ),
    "tgi": Options(
        models=("llama-3.1-8b-instruct",), latency=Latency(first_token_seconds=0.041, decode_seconds=0.0155, jitter=0.1), answer_tokens=60, seed=2
    ),
    "ollama": Options(
        models=("gemma3:4b",),
        latency=Latency(first_token_seconds=0.085, decode_seconds=0.0235, jitter=0.12),
        answer_tokens=60,
        seed=3,
        slots=4,
        loaded=False,
        load_seconds=0.5,
    ),
    "sglang": Options(models=("qwen3-8b",), latency=Latency(first_token_seconds=0.031, decode_seconds=0.0118, jitter=0.08), answer_tokens=60, seed=4),
    "llamacpp": Options(
        models=("gemma-3-4b-it",), latency=Latency(first_token_seconds=0.064, decode_seconds=0.0195, jitter=0.05), answer_tokens=60, seed=5, slots=4
    ),
}
FAULTS: tuple[tuple[str, str, float], ...] = (
    ("vllm", "server-error", 0.05),
    ("tgi", "truncate:5", 0.08),
    ("tgi", "stall:4:0.3", 0.1),
    ("ollama", "server-error", 0.03),
    ("ollama", "slow-first-token:0.4", 0.1),
    ("sglang", "overloaded", 0.04),
    ("llamacpp", "stall:4:0.3", 0.05),
)
"""By engine: what some of its requests meet, and how many of them."""
CONFIGURATION = """\
web: {{listen: "{listen}", lifecycle: true}}
targets:
  vllm: {{backend: vllm, url: "{vllm}"}}
  tgi: {{backend: tgi, url: "{tgi}"}}
  ollama: {{backend: ollama, url: "{ollama}", load_model: true}}
  sglang: {{backend: sglang, url: "{sglang}"}}
  llamacpp: {{backend: llamacpp, url: "{llamacpp}"}}
scenarios:
  heartbeat: {{every: 1s, prompt: short-question, max_tokens: 16}}
  warm: {{every: 2s, prompt: short-question, max_tokens: 32, cache: warm}}
  race: {{every: 2s, prompt: short-question, max_tokens: 24, pair: true}}
  chat: {{users: 2, think_time: 500ms, conversation: customer-support, max_tokens: 48}}
slos:
  quick: {{scenario: chat, ttft: 250ms, tpot: 40ms, e2e: 3s, objective: 95%, window: 30d}}
  available: {{scenario: heartbeat, objective: 99%, window: 30d}}
native: {{interval: 1s}}
metrics: {{native_histograms: true}}
alerts: {{scrape_interval: {scrape}s, evaluation_interval: {scrape}s}}
"""


@dataclass(frozen=True, slots=True)
class Demo:
    prometheus: Prometheus
    end_chats: Callable[[], Awaitable[None]]
    """Engines and exporter end, and Prometheus keeps what it has: whoever asks for the past only asks a quiet machine."""


@asynccontextmanager
async def demo(
    folder: Path, scrape_seconds: int = 3, *, more_jobs: Mapping[str, Mapping[str, bool]] = MappingProxyType({}), native: bool = False
) -> AsyncIterator[Demo]:
    """Run it all, with files in `folder`, while the context lasts; rules are evaluated as often as scraped. Data come by and by.

    Prometheus has more jobs on the same exporter with these settings. With `native` it takes our histograms as native ones, and no others.

    A scrape may take as long as the time between two: on a busy machine a second is not enough.
    """
    binary = prometheus_binary()
    exporter, server = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        chats = await stack.enter_async_context(AsyncExitStack())
        engines = {name: await chats.enter_async_context(simulated(name, options)) for name, options in ENGINES.items()}
        for name, fault, probability in FAULTS:
            async with session.post(f"{engines[name].url}/sim/faults", json={"fault": fault, "probability": probability}) as done:
                assert done.status < 300, await done.text()
        written = CONFIGURATION.format(listen=exporter, scrape=scrape_seconds, **{name: engine.url for name, engine in engines.items()})
        (folder / "chatprobe.yaml").write_text(written)
        by_flag = native and prometheus_version(binary) < (3, 8)
        jobs: dict[str, Mapping[str, bool]] = {JOB: NATIVE if native and not by_flag else {}, **more_jobs}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_scraping(written, folder, exporter, scrape_seconds, jobs)))
        serve = (sys.executable, "-m", "cli", "serve", "--config", str(folder / "chatprobe.yaml"))
        storage = (f"--storage.tsdb.path={folder / 'data'}", f"--enable-feature=exemplar-storage{',native-histograms' if by_flag else ''}")
        await chats.enter_async_context(process(*serve, cwd=folder))
        await stack.enter_async_context(process(binary, "--config.file=prometheus.yml", f"--web.listen-address={server}", *storage, cwd=folder))
        yield Demo(Prometheus(f"http://{server}", session), chats.aclose)


def _scraping(configuration: str, folder: Path, exporter: str, seconds: int, jobs: Mapping[str, Mapping[str, bool]]) -> dict[str, object]:
    """Prometheus' configuration; writes the rules that it names. All are evaluated at once, those of long windows too."""
    files = [name for name in build(parse(configuration).config).files.items() if name[0].endswith(".rules.yaml")]
    for name, text in files:
        rules = yaml.safe_load(text)
        for group in rules["groups"]:
            group["interval"] = f"{seconds}s"
        (folder / name).write_text(yaml.safe_dump(rules))
    return {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": [name for name, _ in files],
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [exporter]}], **more} for job, more in jobs.items()],
    }


async def warmed_up(prometheus: Prometheus, seconds: float) -> None:
    """Wait until the rules had told of every engine so long ago. Raises TimeoutError if that does not come."""
    wanted = (
        f"count({recordings.TTFT.histogram().count(('target',))} > 0) == {len(ENGINES)}",
        f"count(count by (target, slo) (slo:period_burn_rate:ratio)) == {2 * len(ENGINES)}",
        f"count(count by (target) (target:chatprobe_pair_wins:ratio_rate1h)) == {len(ENGINES)}",
        "sum(target:chatprobe_probe_failures:rate5m) > 0",
    )
    for expr in wanted:
        async with asyncio.timeout(seconds + PATIENCE_SECONDS):
            while not await prometheus.instant(expr, await prometheus.now() - seconds):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.5)
