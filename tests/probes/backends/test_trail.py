"""Where each engine shows a chat: pages, alerts and remedies say what the engine's class says, and never ask for what it does not have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.remedies import remedy
from dashboards.why import TRAILS
from probes.backends import BACKENDS
from probes.backends.backend import Backend
from probes.failure import Failure, Reason
from probes.numbers.number import Number

ROOT = Path(__file__).parents[3]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *(ROOT / "helm").glob("*/README.md")])
BROKE = (Reason.SERVER_ERROR, Reason.ERROR_IN_STREAM)
TOLD = {
    Number.REQUESTS_WAITING: "waiting requests",
    Number.KV_CACHE_USAGE: "KV cache",
    Number.PREEMPTIONS: "preemptions",
}
every_engine = pytest.mark.parametrize("engine", BACKENDS.values(), ids=lambda engine: engine.name)


@every_engine
def test_the_page_of_definitions_has_a_row_for_it(engine: Backend) -> None:
    trail = engine.trail
    row = f"| {engine.title} | {trail.traces or 'none'} | {trail.log} | {trail.metric or 'none'} |"
    assert row in (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")


@every_engine
def test_the_remedy_says_where_it_shows_the_chat(engine: Backend) -> None:
    for reason in BROKE:
        assert remedy(Failure(reason, "", 0), engine.name).endswith(f"look at {engine.trail.words()}")


@every_engine
def test_no_remedy_asks_for_what_it_does_not_tell(engine: Backend) -> None:
    said = " ".join(remedy(Failure(reason, "", 0), engine.name) for reason in Reason)
    assert "{" not in said
    for number, words in TOLD.items():
        assert (words in said) == bool(engine.help_of(number))
    assert ("request id" in said) == (engine.name in ("vllm", "tgi", "sglang", "openai"))


def test_ollama_which_has_neither_metrics_nor_request_ids_is_asked_for_none() -> None:
    said = " ".join(remedy(Failure(reason, "", 0), "ollama") for reason in Reason)
    assert not any(words in said for words in (*TOLD.values(), "request id", "its metric"))


@every_engine
def test_the_dashboard_says_it_too(engine: Backend) -> None:
    assert (f"- **{engine.title}**: {engine.trail.words()}.\n" in TRAILS.content) != engine.generic


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_sends_anybody_to_a_log_that_names_no_chat(page: Path) -> None:
    words = " ".join(page.read_text(encoding="utf-8").split())
    assert not re.search(r"log (at|by|for) (the chat's )?`request_id`|under which the engine logged", words)


def test_a_remedy_of_the_failure_itself_goes_first() -> None:
    assert remedy(Failure(Reason.TRUNCATED, "", 0, "mend the model"), "ollama") == "mend the model"
