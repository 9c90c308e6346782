"""The report's page, as text: what stands in it, and what cannot get into it."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path

import orjson
import pytest

from bench.caveat import Caveat
from bench.report.cost import read_price
from bench.report.document import document
from bench.report.embedding import embedded
from bench.report.page import Embedded, page
from bench.report.seen import Seen, see
from catalogue.troubles.failures import FAILURES
from probes.failure import Reason
from tests.bench.report.computed import Modelled, Plan, computed_run

EVIL = "</script><img src=x onerror=pwned()>"
FINDING: Mapping[str, object] = {
    "rule": "queue", "kind": "cause", "target": f"t{EVIL}", "level": None, "figures": {}, "by_level": {},
    "words": f"words {EVIL}", "advice": f"do {EVIL}",
}  # fmt: skip
OUTCOME: Mapping[str, object] = {"kind": "knee", "target": f"t{EVIL}", "words": f"bend {EVIL}", "figures": {"at": None, "low": None, "high": None}}
PLANTED = Plan(
    engines={
        f"t{EVIL}": Modelled("vllm", 45, 17, 64, version=f"1 {EVIL}"),
        "tgi": Modelled(f"b{EVIL}", 60, 21, 64, failing=0.2, says=f"full {EVIL}"),
    },
    users=(1, 4),
    rounds=3,
    tokens=4,
    model=f"m {EVIL}",
    level=f"{{}} users {EVIL}",
    prompt_id=f"p{EVIL}",
    caveats=(Caveat(f"unfair {EVIL}", (f"t{EVIL}",)),),
    findings=(FINDING,),
    outcomes=(OUTCOME,),
    slos={f"slo {EVIL}": {"ttft": 0.05}},
    configuration=f"# {EVIL}\n",
)


@pytest.fixture(scope="module")
def text(compared: Seen) -> str:
    return page(document(compared, [read_price("vllm=2x1.99USD")]), Embedded())


def hostile(folder: Path) -> str:
    """The page of a run that somebody made to hurt its readers; its summary too says what its chats do not."""
    run = computed_run(folder, PLANTED)
    written = orjson.loads((run.folder / "summary.json").read_bytes())
    written["statement"], written["part"] = f"statement {EVIL}", f"part {EVIL}"
    written["comparisons"] = [{**row, "why": f"why {EVIL}"} for row in written["comparisons"]]
    (run.folder / "summary.json").write_bytes(orjson.dumps(written))
    compared = see(run)
    return page(document(compared, [read_price(f"t{EVIL}=2x1.99USD")]), embedded(compared))


def test_every_number_of_the_outcomes_is_that_of_the_summary(compared: Seen, text: str) -> None:
    for level in compared.summary.levels:
        table = text.split(f">What became of the chats, {level.name}</caption>")[1].split("</table>")[0]
        rows = re.findall(r'<tr><th scope="row">.*?<span>([^<]+)</span></span></th>(.*?)</tr>', table)
        assert [name for name, _ in rows] == [target.target for target in level.targets]
        for (_, cells), target in zip(rows, level.targets, strict=True):
            assert re.search(r"<td[^>]*>(?:<data[^>]*>)?([\d,]+)", cells) is not None
            assert re.findall(r">([\d,]+)<", cells)[0].replace(",", "") == str(target.counts.attempts)


def test_what_failed_is_there_with_the_engines_words(compared: Seen, text: str) -> None:
    failed = next(target for target in compared.summary.levels[-1].targets if target.target == "tgi")
    row = text.split(">Chats that failed</caption>")[1].split("</tbody>")[0]
    assert "no room: 64 requests are waiting" in row
    assert f">{failed.counts.failed}</td>" in row
    assert re.search(r"id [0-9a-f]{32}", row)
    assert "<h3>overloaded: what it can be</h3>" in text
    read = unescape(re.sub(r"<[^>]+>", "", text))
    assert all(cause.what.replace("`", "") in read for cause in FAILURES[Reason.OVERLOADED].causes)


def test_headings_are_in_order_and_tables_have_captions(text: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))
    assert text.count('<table class="rows') == text.count("<caption")


def test_every_definition_that_is_pointed_to_is_there(text: str) -> None:
    pointed = set(re.findall(r'popovertarget="([^"]+)"', text))
    assert pointed
    assert pointed <= set(re.findall(r'id="(word-[^"]+)" popover', text))


def test_nothing_is_fetched_and_only_its_own_scripts_may_run(compared: Seen) -> None:
    text = page(document(compared), embedded(compared))
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r'(?:src|href)="(?!#)', outside)
    assert "url(" not in outside
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    ran = [found[1] for found in re.finditer(r"<script>(.*?)</script>", text, re.DOTALL)]
    hashes = {f"sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}" for script in ran}
    assert len(ran) == 3
    assert hashes == set(re.findall(r"&#39;(sha256-[^&]+)&#39;", policy[1]))
    assert "default-src &#39;none&#39;" in policy[1]


def test_no_name_and_no_words_of_an_engine_become_markup(tmp_path: Path) -> None:
    text = hostile(tmp_path)
    for planted in ("full", "unfair", "words", "do", "bend", "statement", "part", "slo", "m", "1", "p"):
        assert f"{planted} {EVIL}" not in text
        assert f"{planted}{EVIL}" not in text
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert "<img" not in outside
    for planted in ("full", "unfair", "words", "bend", "statement", "part", "slo", "m", "1", "#"):
        assert f"{planted} &lt;/script&gt;&lt;img" in outside, planted


def test_an_engine_without_a_name_that_is_known_has_a_colour_all_the_same(tmp_path: Path) -> None:
    run = computed_run(tmp_path, Plan(engines={"mine": Modelled("homemade", 45, 17, 64)}, users=(1,), rounds=1, tokens=4))
    text = page(document(see(run)), Embedded())
    assert "--engine: var(--engine-other)" in text
    assert "homemade" in text


def test_two_targets_of_one_engine_look_otherwise(compared: Seen, tmp_path: Path) -> None:
    twins = {name: Modelled("vllm", 45, 17, 64) for name in ("a", "b")}
    text = page(document(see(computed_run(tmp_path, Plan(engines=twins, users=(1,), rounds=1, tokens=4)))), Embedded())
    assert "mark variant-0" in text
    assert "mark variant-1" in text


def test_without_trust_no_board_stands_there(compared: Seen, text: str) -> None:
    verdict = replace(compared.summary.verdict, trusted=False, why=("chats started late",))
    told = page(document(replace(compared, summary=replace(compared.summary, verdict=verdict))), Embedded())
    assert 'id="better"' in text
    assert 'id="better"' not in told
    assert "Not for a verdict." in told
