"""Everything that has a name is told of, and is found by it."""

from __future__ import annotations

import re

import pytest

from alerts.rule import Alert
from alerts.rules import rules
from bench.engine_side.findings import RULES
from bench.measures import qualities
from catalogue import own, pods, process
from catalogue.engines import ENGINE_METRICS
from catalogue.troubles.groups import GROUPS
from cli.explained.pages import rows, sections
from cli.explained.topics import find, matching, nearest, topics
from cli.explained.uses import uses
from config.expectation import Expectation
from config.reader import parse
from config.starters import starter

EVERY = topics()


def names(kind: str) -> set[str]:
    found = [topic.name for topic in EVERY if topic.kind.startswith(kind)]
    assert len(found) == len(set(found))
    return set(found)


def test_every_trouble_measure_finding_alert_and_metric_is_told_of() -> None:
    for group in GROUPS:
        assert names(group.kind) == {trouble.name for trouble in group.troubles}
    assert names("measure of benchmark runs") == set(qualities())
    assert names("check of answers") == set(Expectation.model_fields)
    assert {"free GPUs", "Route timeouts"} <= names("check of a cluster")
    assert names("finding") == {rule.name for rule in RULES if rule.kind != "unknown"}
    groups = rules(parse(starter("default")).config).groups
    assert names("alert") == {rule.name for group in groups for rule in group.rules if isinstance(rule, Alert)}
    metrics = (*own.CATALOGUE, *ENGINE_METRICS, *pods.PODS, *process.PROCESS)
    assert names("metric") == {metric.name for metric in metrics}
    assert {"TTFT", "ITL", "TPOT", "E2E", "goodput", "stall"} <= names("definition")


@pytest.mark.parametrize("kind", sorted({topic.kind for topic in EVERY}))
def test_each_has_something_to_say(kind: str) -> None:
    for topic in EVERY:
        if topic.kind == kind:
            text = topic.text()
            assert len(text) > 20, topic.name
            assert text == text.strip(), topic.name
            assert not re.search(r"\]\([\w./#]+\)", text), "a link leads nowhere in a terminal"


def test_it_is_found_however_it_is_written() -> None:
    for word in ("ttft", "TTFT"):
        assert [topic.kind for topic in find(word, EVERY)] == ["definition", "measure of benchmark runs"]
    assert find("late-starts", EVERY) == find("late_starts", EVERY) != ()
    assert find("output rate", EVERY) == find("output_rate", EVERY) != ()
    assert [topic.name for topic in find("chatprobe_ttft_seconds_bucket", EVERY)] == ["chatprobe_ttft_seconds"]
    assert [topic.kind for topic in find("timeout", EVERY)] == ["reason of failure", "reason of a failed load", "reason of a failed scrape"]


def test_what_is_unknown_gets_the_nearest() -> None:
    assert find("stalld", EVERY) == ()
    assert nearest("stalld", EVERY)[0] == "stalled"
    assert nearest("LLMTargtDown", EVERY)[0] == "LLMTargetDown"
    assert "chatprobe_ttft_seconds" in nearest("ttft_seconds", EVERY)
    assert nearest("qqqqqqqq", EVERY) == ()


def test_a_pattern_finds_all_that_match() -> None:
    assert {topic.name for topic in matching("tgi_queue*", EVERY)} == {"tgi_queue_size"}
    assert len(matching("vllm:*", EVERY)) > 100


def test_the_uses_of_a_metric_are_found_behind_recordings_too() -> None:
    used = uses(own.TTFT)
    assert "LLMTTFTRegression" in used.alerts, "its rule has a recording of the quantile, which is made of another one"
    assert "Overview: Time to first token, quantile" in used.panels
    assert "LLMStreamStalled" not in used.alerts
    assert uses(own.STALL).alerts == ("LLMStreamStalled",)


def test_rows_of_a_table_are_read_by_their_headings() -> None:
    text = "| A | B |\n|---|---|\n| `x` | one \\| two |\n\nwords\n\n| C |\n|---|\n| y |\n"
    assert list(rows(text)) == [{"A": "`x`", "B": "one \\| two"}, {"C": "y"}]


def test_links_of_a_page_are_words() -> None:
    assert "Definitions say how" in sections("summary.md")["Measures"]
    assert "](" not in sections("summary.md")["Measures"]
