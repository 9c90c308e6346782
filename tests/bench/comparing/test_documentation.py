"""What docs/comparing-runs.md lists is what the code has a closed list of."""

from __future__ import annotations

from bench.comparing.asked import DEFAULT
from bench.comparing.facts import FACTS
from bench.comparing.verdict import Outcome
from tests.docs.pages import ROOT
from tests.docs.test_lists import first_cells

PAGE = "comparing-runs.md"


def test_facts_in_their_order() -> None:
    assert first_cells(PAGE, "Fact | What it is") == list(FACTS)


def test_facts_are_told_in_the_same_words() -> None:
    text = (ROOT / "docs" / PAGE).read_text()
    assert [fact for fact, words in FACTS.items() if f"| `{fact}` | {words}" not in text] == []


def test_the_exit_codes() -> None:
    text = (ROOT / "docs" / PAGE).read_text()
    assert all(f"| {outcome.upper()} | {outcome.exit_code} |" in text for outcome in Outcome)


def test_what_is_usually_looked_at() -> None:
    assert sorted({question.measure for question in DEFAULT}) == ["success", "throughput", "tpot", "ttft"]
    assert {question.quantile for question in DEFAULT if question.quantile} == {0.5, 0.95}
