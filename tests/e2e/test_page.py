"""From an engine that breaks to the page that somebody gets, and its end: chatprobe, Prometheus and Alertmanager as they are, on generated files."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from alerts.build import build
from alerts.forms.alertmanager import alertmanager_yml
from alerts.notifications import Timing, Timings
from alerts.objective import objectives
from alerts.slos import alarm_waits
from alerts.windows import HOUR, Severity
from config.reader import read
from simulator import ENGINES, Latency, Options, simulated
from tests.alerts.notifying import program
from tests.processes import free_port, process, prometheus_binary
from tests.waiting import PATIENCE_SECONDS

AT_ONCE: Timings = dict.fromkeys(Severity, Timing(1, 1, HOUR))
SLACK_SECONDS = 10
"""What a busy machine may take beyond the arithmetic."""


def configuration(exporter: str, engines: dict[str, str], hook: str) -> str:
    targets = "".join(f"  {name}: {{backend: {name}, url: '{url}', model: tiny}}\n" for name, url in engines.items())
    return f"""
web: {{listen: '{exporter}'}}
targets:
{targets}
scenarios: {{heartbeat: {{every: 1s, max_tokens: 4, timeout: 10s, first_token_timeout: 5s}}}}
slos: {{available: {{scenario: heartbeat, objective: 99%, window: 12h}}}}
alerts:
  scrape_interval: 1s
  evaluation_interval: 1s
  notify: {{receivers: {{webhook: {{url: '{hook}'}}}}, page: [webhook]}}
"""


@pytest.mark.prometheus
async def test_a_broken_engine_pages_and_a_mended_one_ends_it(tmp_path: Path) -> None:
    prometheus, alertmanager = prometheus_binary(), program("prometheus-alertmanager")
    exporter, server, manager = (f"127.0.0.1:{free_port()}" for _ in range(3))
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await told.put(await request.json())
        return web.Response()

    async with AsyncExitStack() as stack:
        hook = web.AppRunner(app := web.Application())
        app.router.add_post("/page", take)
        await hook.setup()
        stack.push_async_callback(hook.cleanup)
        await web.TCPSite(hook, "127.0.0.1", 0).start()
        latency = Latency(first_token_seconds=0.02, decode_seconds=0.005)
        engines = {name: await stack.enter_async_context(simulated(name, Options(latency=latency, seed=1))) for name in ENGINES}

        written = tmp_path / "chatprobe.yaml"
        written.write_text(
            configuration(exporter, {name: engine.url for name, engine in engines.items()}, f"http://127.0.0.1:{hook.addresses[0][1]}/page")
        )
        config = read([written]).config
        for name, text in build(config).files.items():
            (tmp_path / name).write_text(text)
        (tmp_path / "alertmanager.yaml").write_text(alertmanager_yml(config, AT_ONCE))
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: ['*.rules.yaml']\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{manager}']}}]}}]}}\n"
            f"scrape_configs: [{{job_name: chatprobe, static_configs: [{{targets: ['{exporter}']}}]}}]\n"
        )
        await stack.enter_async_context(process(sys.executable, "-m", "cli", "serve", "--config", str(written), cwd=tmp_path))
        storage = f"--storage.tsdb.path={tmp_path / 'prometheus'}"
        scraping = process(prometheus, "--config.file=prometheus.yml", storage, f"--web.listen-address={server}", cwd=tmp_path)
        await stack.enter_async_context(scraping)
        kept = f"--storage.path={tmp_path / 'alertmanager'}"
        listening = (f"--web.listen-address={manager}", "--cluster.listen-address=")
        await stack.enter_async_context(process(alertmanager, "--config.file=alertmanager.yaml", kept, *listening, cwd=tmp_path))

        session = await stack.enter_async_context(aiohttp.ClientSession())
        fast = next(alarm for alarm in objectives(config)[0].alarms if alarm.pair.pages)
        await filled(session, server, fast.pair.long)

        broken_at = time.monotonic()
        engines["tgi"].faults.add("server-error")
        page = await next_page(told, "firing")
        took = time.monotonic() - broken_at
        # as many failed chats as it takes, a second each; then: a scrape, an evaluation, how long it must hold, Alertmanager's wait for more
        computed = fast.failures + 1 + 1 + alarm_waits(fast.pair) + 1
        assert fast.failures - 1 <= took <= computed + SLACK_SECONDS

        (alert,) = page["alerts"]
        expected = {"alertname": "LLMBudgetBurnFast", "severity": "critical", "job": "chatprobe", "target": "tgi", "backend": "tgi", "model": "tiny"}
        assert alert["labels"].items() >= {**expected, "scenario": "heartbeat", "slo": "available", "long_window": "1m", "short_window": "5s"}.items()
        said = alert["annotations"]
        assert said["summary"] == "tgi burns its error budget for available"
        assert "of the chats with tgi (tiny) in the last 5s were bad, and more than 14.4% of those in the last 1m (" in said["description"]
        assert "The most frequent failure in 1m: server_error." in said["description"]
        assert said["description"].endswith(f" The engine: {engines['tgi'].url}.")
        assert said["runbook_url"].endswith("/docs/runbooks/LLMBudgetBurnFast.md")
        assert said["dashboard"] == (
            "/d/chatprobe-slo?var-job=chatprobe&var-target=tgi&var-backend=tgi&var-model=tiny&var-scenario=heartbeat&var-slo=available"
        )
        print(f"\npaged after {took:.1f} s, computed {computed} s\n{said['summary']}\n{said['description']}\n{said['dashboard']}")

        engines["tgi"].faults.clear()
        mended_at = time.monotonic()
        over = await next_page(told, "resolved")
        assert [each["labels"]["target"] for each in over["alerts"]] == ["tgi"]
        print(f"resolved {time.monotonic() - mended_at:.1f} s after it was mended")


async def next_page(told: asyncio.Queue[dict[str, Any]], status: str) -> dict[str, Any]:
    """The next notification of the fast burn with this status."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            page = await told.get()
            if (page["groupLabels"]["alertname"], page["status"]) == ("LLMBudgetBurnFast", status):
                return page


async def filled(session: aiohttp.ClientSession, server: str, seconds: int) -> None:
    """Wait until the long window is full of good chats with every engine."""
    query = f"min(increase(chatprobe_slo_good_total[{seconds}s])) and on () count(chatprobe_slo_good_total offset {seconds}s) == {len(ENGINES)}"
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        while True:
            try:
                async with session.get(f"http://{server}/api/v1/query", params={"query": query}) as response:
                    found = (await response.json())["data"]["result"]
                    if found and float(found[0]["value"][1]) > 0.8 * seconds:
                        return
            except (aiohttp.ClientError, KeyError):
                pass
            await asyncio.sleep(0.5)
