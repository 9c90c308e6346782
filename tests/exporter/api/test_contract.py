"""The API against its own document, by everything that schemathesis thinks of: a little of it in a test, and for `SECONDS` by

python -m tests.exporter.api.test_contract SECONDS
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from config.model import Config
from config.reader import parse
from exporter.logs import start_logging
from exporter.web.api.actions import Actions
from exporter.web.api.models import RunAsked, RunState
from exporter.web.api.records import Records
from exporter.web.api.routes import Api
from exporter.web.api.runs import NoBench, RunRefusedError, Runs
from exporter.web.api.standings import Standings
from tests.exporter.api import realistic
from tests.exporter.running import Exporter, running
from tests.waiting import PATIENCE_SECONDS, wait_for

EXAMPLES = 25
NEVER_ENDING = ("live", "follow_run")
"""Operations whose answers end when the client goes."""


def configured(url: str) -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0", limits: {{requests_per_second: 10000}}}}
    targets:
      vllm: {{backend: vllm, url: "{url}"}}
      team/other: {{backend: vllm, url: "{url}"}}
    scenarios:
      heartbeat: {{every: 1s, prompt: {{text: Hello}}, pair: true}}
      failing: {{every: 1s, targets: [vllm], prompt: {{text: Hello}}, expect: {{never: {{contains: nowhere}}}}}}
    slos:
      quick: {{scenario: heartbeat, ttft: 500ms, objective: 99%}}
      there: {{scenario: failing, objective: 99.9%}}
    """).config


def documented() -> dict[str, Any]:
    """The document, of an API with nothing behind it."""
    nothing: Any = None
    return Api(Standings(nothing, nothing), Records(nothing), Actions(nothing), Runs(NoBench())).document


class Held:
    """Runs that end at once when they are told to, as those of `chatprobe serve` do after a while."""

    def __init__(self) -> None:
        self._runs: dict[str, RunState] = {}

    async def start(self, asked: RunAsked) -> RunState:
        if any(run.state == "running" for run in self._runs.values()):
            raise RunRefusedError("another run goes on", busy=True)
        number, at = str(len(self._runs) + 1), datetime.now(UTC)
        run = RunState(id=number, state="running", asked=asked, started_at=at, ended_at=None, exit_code=None, lines=["begins"])
        self._runs[number] = run
        return run

    def all(self) -> Sequence[RunState]:
        return list(reversed(self._runs.values()))

    def get(self, run: str) -> RunState | None:
        return self._runs.get(run)

    def cancel(self, run: str) -> None:
        ended = {"state": "cancelled", "ended_at": datetime.now(UTC), "exit_code": 130}
        self._runs[run] = self._runs[run].model_copy(update=ended)

    async def after(self, state: RunState) -> RunState:
        while self._runs[state.id] == state:  # noqa: ASYNC110 - nothing here could set an event
            await asyncio.sleep(0.01)
        return self._runs[state.id]

    async def close(self) -> None:
        for run in self._runs:
            self.cancel(run)


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with running(configured, Held()) as one:
        with httpx.Client(base_url=one.url) as client:
            wait_for(lambda: all(client.get("/api/v1/records", params={"scenario": scenario}).json() for scenario in ("heartbeat", "failing")))
        yield one
        assert httpx.get(f"{one.url}/-/ready").status_code == 200


CONTRACT = schemathesis.openapi.from_dict(documented())
OPERATIONS = {found.ok().definition.raw["operationId"]: found.ok() for found in CONTRACT.get_all_operations() if isinstance(found, Ok)}


def asked() -> Iterator[Any]:
    for name, operation in OPERATIONS.items():
        if name not in NEVER_ENDING:
            yield pytest.param(name, GenerationMode.POSITIVE, id=f"{name}-right")
            if operation.definition.raw["parameters"] or operation.body:
                yield pytest.param(name, GenerationMode.NEGATIVE, id=f"{name}-wrong")


@pytest.mark.parametrize(("name", "mode"), [*asked()])
def test_every_answer_is_as_the_document_says(exporter: Exporter, name: str, mode: GenerationMode) -> None:
    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def agrees(case: Case[Any]) -> None:
        case.call_and_validate(base_url=exporter.url, timeout=300)

    agrees()


def tried_for(seconds: int) -> int:
    """Have the command of schemathesis try all that it knows on an exporter for so long. It tells what it found; gives its exit code."""
    left_out = [word for name in NEVER_ENDING for word in ("--exclude-operation-id", name)]
    patience = [f"--request-timeout={PATIENCE_SECONDS:g}", f"--max-response-time={PATIENCE_SECONDS:g}"]
    options = [f"--max-time={seconds}", *patience, "--continue-on-failure", "--generation-database=none", *left_out]
    checks = ["--checks=all", "--exclude-checks=use_after_free"]  # a run that was cancelled is still there, with what it measured
    hooks = {"SCHEMATHESIS_HOOKS": realistic.__name__}
    with closing(start_logging("error")), running(configured, Held()) as exporter:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{exporter.url}/api/v1/openapi.json", *checks, *options]
        return subprocess.run(command, env=os.environ | hooks, check=False).returncode


if __name__ == "__main__":
    sys.exit(tried_for(int(sys.argv[1])))
