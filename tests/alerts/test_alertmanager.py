"""A real Alertmanager with the generated file: what it groups, tells and keeps silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from alerts.forms.alertmanager import alertmanager_yml
from alerts.inhibition import INHIBITIONS
from alerts.notifications import Timing, Timings
from alerts.windows import HOUR, Severity
from tests.alerts import notifying
from tests.alerts.notifying import AT_ONCE, configured, program
from tests.processes import free_port, process
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.prometheus

ENGINES = ("vllm", "tgi", "ollama")
Labels = dict[str, str]


@dataclass
class Told:
    """The server that is told, in the place of a webhook, of Slack and of PagerDuty."""

    url: str = ""
    webhook: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    slack: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    pagerduty: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        places = {"/slack": self.slack, "/pagerduty": self.pagerduty, "/webhook": self.webhook}
        await places[request.path].put(await request.json())
        return web.Response(text="ok", status=202 if request.path == "/pagerduty" else 200)

    async def next(self) -> tuple[str, str, list[str]]:
        """The webhook's next notification: what of, its status, and its targets."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            told = await self.webhook.get()
        return told["groupLabels"]["alertname"], told["status"], sorted(alert["labels"]["target"] for alert in told["alerts"])


@dataclass(frozen=True)
class Alertmanager:
    url: str
    session: aiohttp.ClientSession

    async def post(self, alerts: list[Labels], *, over: bool = False) -> None:
        annotations = {"summary": "It is down", "description": "No chat succeeded.", "runbook_url": "https://r/", "dashboard_url": "https://g/"}
        ends = {"endsAt": datetime.now(UTC).isoformat()} if over else {}
        body = [{"labels": labels, "annotations": annotations, **ends} for labels in alerts]
        async with self.session.post(f"{self.url}/api/v2/alerts", json=body) as response:
            assert response.status == 200, await response.text()

    async def silent(self) -> list[Labels]:
        """The labels of all alerts that others silence."""
        async with self.session.get(f"{self.url}/api/v2/alerts") as response:
            return [alert["labels"] for alert in await response.json() if alert["status"]["inhibitedBy"]]

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    async with self.session.get(f"{self.url}/-/ready") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def alertmanager(folder: Path, timings: Timings = AT_ONCE) -> AsyncIterator[tuple[Alertmanager, Told]]:
    """Alertmanager, and who is told: of pages the webhook, Slack and PagerDuty, of tickets the webhook."""
    binary, port, told = program("prometheus-alertmanager"), free_port(), Told()
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_post("/{where}", told.take)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        (folder / "slack-url").write_text(f"{told.url}/slack\n")
        (folder / "pagerduty-key").write_text("integration-key")
        config = configured(
            notifying.SLACK,
            notifying.PAGERDUTY,
            f"webhook: {{url: {told.url}/webhook}}",
            more=f"secrets_dir: {folder}, page: [pagerduty, slack, webhook], ticket: [webhook]",
        )
        elsewhere = f"global: {{pagerduty_url: {told.url}/pagerduty}}\n"
        (folder / "alertmanager.yml").write_text(elsewhere + alertmanager_yml(config, timings))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await stack.enter_async_context(
            process(
                binary,
                "--config.file=alertmanager.yml",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                cwd=folder,
            )
        )
        running = Alertmanager(f"http://127.0.0.1:{port}", session)
        await running.ready()
        yield running, told


async def first(told: asyncio.Queue[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next of what somebody was told that is wanted; what came before it is passed over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not wanted(found := await told.get()):
            pass
    return found


def of_engines(name: str, severity: str, **more: str) -> list[Labels]:
    return [
        {"alertname": name, "severity": severity, "job": "chatprobe", "target": engine, "backend": engine, "model": "tiny", **more}
        for engine in ENGINES
    ]


async def test_an_outage_of_three_engines_is_one_page(tmp_path: Path) -> None:
    down = of_engines("LLMTargetDown", "critical")
    burning = of_engines("LLMBudgetBurnTicket", "warning", slo="chat", scenario="chat")
    stalled = of_engines("LLMStreamStalled", "warning", scenario="chat")
    certificate = of_engines("LLMCertificateExpiresSoon", "critical")[:1]
    async with alertmanager(tmp_path) as (running, told):
        await running.post([*burning, *stalled, *down, *certificate])
        assert sorted([await told.next(), await told.next()]) == [
            ("LLMCertificateExpiresSoon", "firing", ["vllm"]),
            ("LLMTargetDown", "firing", ["ollama", "tgi", "vllm"]),
        ]
        assert len(await running.silent()) == len(burning + stalled)

        await running.post([*burning, *stalled, *down], over=True)
        assert await told.next() == ("LLMTargetDown", "resolved", ["ollama", "tgi", "vllm"])
        assert told.webhook.empty()

        title = "3 firing: LLMTargetDown (chatprobe)"
        incident = await first(told.pagerduty, lambda event: event.get("payload", {}).get("summary") == title)
        assert (incident["routing_key"], incident["event_action"]) == ("integration-key", "trigger")
        assert incident["payload"]["severity"] == "critical"
        assert incident["payload"]["custom_details"]["firing"].count("It is down\nNo chat succeeded.\nRunbook: https://r/ Dashboard: https://g/") == 3
        ended = await first(told.pagerduty, lambda event: event["event_action"] == "resolve")
        assert ended["dedup_key"] == incident["dedup_key"]

        page = await first(told.slack, lambda message: message["attachments"][0]["title"] == title)
        assert page["channel"] == "#llm-alerts"
        text = page["attachments"][0]["text"]
        assert text.count("*It is down*\nNo chat succeeded.\n<https://r/|Runbook> <https://g/|Dashboard>") == 3
        await first(told.slack, lambda message: message["attachments"][0]["title"] == "Resolved: LLMTargetDown (chatprobe)")


async def test_other_trouble_does_not_wait_in_the_first_ones_group(tmp_path: Path) -> None:
    """The group of dead targets is told of changes once an hour: a fourth engine waits for that, a missing model does not."""
    hourly = dict.fromkeys(Severity, Timing(1, HOUR, HOUR))
    first, second, _ = of_engines("LLMTargetDown", "critical")
    missing = of_engines("LLMModelMissing", "critical")[2]
    async with alertmanager(tmp_path, hourly) as (running, told):
        await running.post([first])
        assert await told.next() == ("LLMTargetDown", "firing", ["vllm"])
        await running.post([second, missing])
        assert await told.next() == ("LLMModelMissing", "firing", ["ollama"])
        assert told.webhook.empty()


async def test_every_inhibition(tmp_path: Path) -> None:
    """Each rule in jobs of its own: of the same target and SLO, of another one, and, where the rule asks for such a label, without it."""
    silenced, told_of = [], []
    for place, rule in enumerate(INHIBITIONS):
        same = {"severity": "info", "target": "t", "model": "m", "slo": "s"}
        alerts = [{"alertname": name, "job": f"same-{place}", **same} for name in (rule.source, *rule.targets)]
        told_of.append(alerts[0])
        silenced += alerts[1:]
        last = rule.targets[-1]
        for label in rule.equal:
            here = {**same, "job": f"other-{label}-{place}"}
            told_of += [{"alertname": rule.source, **here}, {"alertname": last, **here, label: f"other-{place}"}]
        if rule.present is not None:
            without = {key: value for key, value in same.items() if key != rule.present}
            told_of += [{"alertname": name, "job": f"without-{place}", **without} for name in (rule.source, last)]
    async with alertmanager(tmp_path) as (running, _):
        await running.post([*told_of, *silenced])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := await running.silent()) < len(silenced):  # noqa: ASYNC110 (Alertmanager tells nobody when it has taken an alert in)
                await asyncio.sleep(0.05)
    assert sorted(map(repr, map(sorted, map(dict.items, found)))) == sorted(map(repr, map(sorted, map(dict.items, silenced))))
