from __future__ import annotations

import json
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from cli.bench_compare import command
from tests.bench.comparing.folders import left

FIXTURES = Path(__file__).parents[1] / "bench" / "foreign" / "fixtures"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline, one that is alike, one that is slow, one that is slow with another version, and one with two targets."""
    folder = tmp_path_factory.mktemp("results")
    left(folder, "base", ttft_ms={"vllm": 100}, seed=1)
    left(folder, "alike", ttft_ms={"vllm": 100}, seed=2)
    left(folder, "slow", ttft_ms={"vllm": 130}, seed=3)
    left(folder, "alike2", ttft_ms={"vllm": 100}, seed=8)
    left(folder, "slow2", ttft_ms={"vllm": 130}, seed=9)
    left(folder, "slow3", ttft_ms={"vllm": 130}, seed=10)
    left(folder, "newer", ttft_ms={"vllm": 130}, seed=4, version="0.12.0")
    left(folder, "two", ttft_ms={"a": 100, "b": 130}, seed=5)
    left(folder, "own", ttft_ms={"vllm": 100}, seed=11, slos={"mine": {"ttft": 0.5}})
    left(folder, "unlike", ttft_ms={"vllm": 100}, seed=12, slos={"mine": {"ttft": 0.05}})
    left(folder, "late", ttft_ms={"vllm": 100}, seed=6, lag_ms=500)
    return folder


def compare(results: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--output-dir", str(results)])


def verdict(result: Result) -> str:
    return result.stdout.split(":")[0]


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("base", "alike"), "PASS", 0),
        (("base", "slow"), "FAIL", 1),
        (("base", "slow", "--threshold", "40%"), "PASS", 0),
        (("base", "newer"), "INCONCLUSIVE", 2),
        (("base", "newer", "--expect-change", "engine.version"), "FAIL", 1),
        (("base", "late"), "INCONCLUSIVE", 2),
        (("two:a", "two:b"), "FAIL", 1),
        (("base", "slow", "--measure", "tpot.p50"), "PASS", 0),
        (("base", "--fail-on", "ttft.p50>200ms"), "PASS", 0),
        (("base", "--fail-on", "ttft.p50>50ms"), "FAIL", 1),
        (("base", "--fail-on", "ttft.p50>100.0ms"), "INCONCLUSIVE", 2),
        (("base", "alike", "--fail-on", "tpot.p50>10ms"), "FAIL", 1),
        (("late", "--fail-on", "ttft.p50>50ms"), "INCONCLUSIVE", 2),
        (("base", "--fail-on", "goodput<90%", "--slo", "instant"), "PASS", 0),
        (("base", "--fail-on", "goodput<90%"), "INCONCLUSIVE", 2),
    ],
)
def test_verdicts_and_exit_codes(results: Path, words: tuple[str, ...], said: str, code: int) -> None:
    result = compare(results, *words)
    assert (verdict(result), result.exit_code) == (said, code), result.output


CONFIGURED = "targets: {v: {backend: vllm, url: http://v}}\nscenarios: {c: {every: 15s}}\nslos: {mine: {scenario: c, ttft: 20ms, objective: 99%}}\n"


def test_a_good_chat_keeps_to_what_the_runs_had_or_a_configuration_says(results: Path, tmp_path: Path) -> None:
    config = tmp_path / "chatprobe.yaml"
    config.write_text(CONFIGURED)
    asked = ("own", "--fail-on", "goodput<90%", "--slo", "mine", "--format", "json")
    of_run, of_file = compare(results, *asked), compare(results, *asked, "--config", str(config))
    assert json.loads(of_run.stdout)["verdict"] == "pass"
    assert "a good chat keeps to mine: TTFT 500ms (the run test_own_" in of_run.stdout
    assert json.loads(of_file.stdout)["verdict"] == "fail", "no chat of 100 ms keeps to 20 ms"
    assert "a good chat keeps to mine: TTFT 20ms (the configuration)" in of_file.stdout


def test_runs_that_mean_unlike_things_by_one_name_do_not_say_what_is_good(results: Path) -> None:
    told = compare(results, "own", "unlike", "--slo", "mine")
    assert told.exit_code == 2
    assert "--slo: the runs mean unlike things by mine: TTFT 500ms; TTFT 50ms; give the one that is meant with --config" in told.stderr


def test_several_runs_a_side(results: Path) -> None:
    more = ("--baseline", "alike", "--baseline", "alike2", "--candidate", "slow2", "--candidate", "slow3")
    told = json.loads(compare(results, "base", "slow", *more, "--format", "json").stdout)
    ttft = told["comparisons"][0]
    assert (ttft["over"], ttft["replicates"], ttft["verdict"]) == ("runs", 3, "fail")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "it needs a baseline and a candidate; give A and B, or one run and --fail-on"),
        (("base",), "one run alone has nothing to be compared with; give a second one, or --fail-on"),
        (("base", "slow", "late"), "there are more than two runs; give A and B, and further runs of the same side by --baseline and --candidate"),
        (("base", "--baseline", "alike"), "there is no candidate; give it as B, or by --candidate"),
        (("base", "nothing"), "has no run nothing"),
        (("base", "slow", "--expect-change", "version"), "there is no fact 'version'; write one of model"),
        (("base", "slow", "--threshold", "5"), "'5' is no threshold; write a percentage"),
        (("base", "--fail-on", "ttft>1s"), "ttft has a value for each chat; say which quantile, like ttft.p95"),
        (("base", "slow", "--measure", "ttft"), "ttft has a value for each chat; say which quantile, like ttft.p95"),
        (
            ("base", "slow", "--slo", "fast"),
            "there is no SLO 'fast'; there are instant: TTFT 200ms, TPOT 25ms (TTFT: what",
        ),
        (("base", "--fail-on", "ttft.p50>1s", "--threshold", "5%"), "--threshold is for two sides; give a baseline too, or leave it out"),
        (("base", "base"), "is given twice; give each run once"),
        (("base", "slow", "--candidate", "slow"), "is given twice; give each run once"),
        (("base", "two"), "no target is on both sides: the baseline has vllm, the candidate a and b; choose one on each, like RUN:NAME"),
        (("base", "slow", "--junit", "/nowhere/a.xml"), "cannot be written: No such file or directory; give another file with --junit"),
    ],
)
def test_what_cannot_be_compared_is_said_with_the_remedy(results: Path, words: tuple[str, ...], said: str) -> None:
    result = compare(results, *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_json_has_the_bounds_of_both_kinds(results: Path) -> None:
    told = json.loads(compare(results, "base", "slow", "--format", "json").stdout)
    assert (told["schema"], told["verdict"], told["confidence"]) == (1, "fail", 0.95)
    ttft = next(one for one in told["comparisons"] if (one["measure"], one["quantile"]) == ("ttft", 0.5))
    assert ttft["low"] <= ttft["low_alone"] < ttft["ratio"] < ttft["high_alone"] <= ttft["high"]
    assert ttft["candidate"] / ttft["baseline"] == pytest.approx(ttft["ratio"])
    assert (ttft["verdict"], ttft["threshold"], ttft["over"]) == ("fail", 0.05, "rounds")


def test_json_says_what_makes_the_sides_unlike(results: Path) -> None:
    told = json.loads(compare(results, "base", "newer", "--format", "json").stdout)
    assert told["unlike"] == [
        {"target": "vllm", "level": "5 users", "fact": "engine.version", "baseline": "0.11.0", "candidate": "0.12.0", "expected": False}
    ]
    assert "engine.version is not the same: 0.11.0; and 0.12.0" in told["comparisons"][0]["why"]


def test_the_table_fits_a_terminal(results: Path) -> None:
    shown = compare(results, "base", "slow").stdout
    assert "…" not in shown.replace(" … ", " ")
    assert "throughput" in shown


def test_markdown_is_a_page_for_pipelines(results: Path) -> None:
    result = compare(results, "base", "slow", "--format", "markdown")
    assert result.stdout.startswith("### ❌ FAIL: ")
    rows = [line for line in result.stdout.splitlines() if line.startswith("| TTFT p50")]
    assert len(rows) == 1
    assert rows[0].endswith("| 5 % | ❌ FAIL |")
    assert "**vllm at 5 users**" in result.stdout
    assert result.stdout.count("|---|---:|---:|---:|---:|---:|---|") == 1


def test_junit_has_a_test_case_for_each_measure(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    compare(results, "base", "slow", "--junit", str(file), "--fail-on", "ttft.p50>1s")
    suite = ElementTree.parse(file).getroot().find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    usual = ["ttft.p50", "ttft.p95", "tpot.p50", "tpot.p95", "throughput", "success"]
    assert [case.get("name") for case in cases] == [*usual, "ttft.p50>1s"]
    failed = [case.get("name") for case in cases if case.find("failure") is not None]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", str(len(failed)), "0")
    assert "ttft.p50" in failed
    assert cases[0].get("classname") == "vllm at 5 users"


def test_in_junit_what_is_undecided_is_skipped_and_says_so(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    compare(results, "base", "newer", "--junit", str(file))
    suite = ElementTree.parse(file).getroot().find("testsuite")
    assert suite is not None
    skipped = [skip.get("message", "") for case in suite.findall("testcase") if (skip := case.find("skipped")) is not None]
    assert len(skipped) == int(suite.get("tests", "0")) == int(suite.get("skipped", "0")) == 6
    assert all(message.startswith("INCONCLUSIVE: the sides are unlike: engine.version") for message in skipped)


def test_in_junit_runs_that_cannot_be_trusted_are_a_case_of_their_own(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    compare(results, "base", "late", "--junit", str(file))
    case = ElementTree.parse(file).getroot().find("testsuite/testcase[@name='trust']/skipped")
    assert case is not None
    assert "started late" in case.get("message", "")


def test_files_of_other_tools(results: Path, tmp_path: Path) -> None:
    told = json.loads((FIXTURES / "vllm-aggregate.json").read_text())
    files = [tmp_path / f"{number}.json" for number in range(6)]
    for number, file in enumerate(files):
        file.write_text(json.dumps({**told, "p50_ttft_ms": 50 + number / 10, "median_ttft_ms": 50 + number / 10}))
    a, b, *more = map(str, files)
    words = [word for pair in zip(("--baseline", "--candidate") * 2, more, strict=True) for word in pair]
    several = compare(results, a, b, *words, "--measure", "ttft.p50")
    assert (verdict(several), several.exit_code) == ("PASS", 0)
    one = compare(results, a, b)
    assert (verdict(one), one.exit_code) == ("INCONCLUSIVE", 2)
    assert "3 runs a side would say how sure it is" in " ".join(one.stdout.split())


def detailed(path: Path, ttft_seconds: float, seed: int, **changes: object) -> str:
    """A result of `vllm bench serve` with 300 requests of 12 tokens, TTFT lognormal about this."""
    chance = random.Random(seed)
    count = 300
    told = json.loads((FIXTURES / "vllm-detailed.json").read_text())
    lists = {
        "ttfts": [ttft_seconds * chance.lognormvariate(0, 0.2) for _ in range(count)],
        "itls": [[0.02] * 12 for _ in range(count)],
        "start_times": [float(number) for number in range(count)],
        "latencies": [1.0] * count,
        "input_lens": [32] * count,
        "output_lens": [12] * count,
        "errors": [""] * count,
    }
    path.write_text(json.dumps({**told, **lists, **changes}))
    return str(path)


def test_a_run_without_rounds_is_judged_by_its_stretches(results: Path, tmp_path: Path) -> None:
    a, slow = detailed(tmp_path / "a.json", 0.1, 1), detailed(tmp_path / "b.json", 0.15, 2)
    told = json.loads(compare(results, a, slow, "--format", "json").stdout)
    ttft = told["comparisons"][0]
    assert (ttft["over"], ttft["replicates"], ttft["verdict"]) == ("stretches of a run", 5, "fail")
    assert [one["measure"] for one in told["comparisons"]] == ["ttft", "ttft", "tpot", "tpot", "success"], "throughput of one run is one value"
    assert any("throughput" in note and "--measure asks for it" in note for note in told["notes"])
    burst = detailed(tmp_path / "c.json", 0.15, 2, max_concurrency=None, start_times=[0.0] * 300)
    why = json.loads(compare(results, burst, slow, "--format", "json", "--expect-change", "load").stdout)["comparisons"][0]["why"]
    assert why.startswith("all requests were sent at once: that is one event")


def test_unlike_tools_are_not_compared_silently(results: Path) -> None:
    words = (
        str(FIXTURES / "guidellm.json"),
        str(FIXTURES / "vllm-detailed.json"),
        "--format",
        "json",
        "--expect-change",
        "tool",
        "--expect-change",
        "prompts",
    )
    told = json.loads(compare(results, *words).stdout)
    by_name = {one["measure"]: one["why"] for one in told["comparisons"]}
    assert by_name["ttft"].startswith("the tools mean other things by it: from the first request header on an open connection")
    assert "mean other things" not in by_name["tpot"]


def test_a_name_with_markup_stays_a_name(results: Path) -> None:
    for name, seed in (("odd", 11), ("odder", 12)):
        left(results, name, ttft_ms={"a|b [red]*x*": 100}, seed=seed)
    markdown = compare(results, "odd", "odder", "--format", "markdown").stdout
    assert r"**a\|b \[red\]\*x\* at 5 users**" in markdown
    assert "a|b [red]*x* at 5 users" in compare(results, "odd", "odder").stdout


@pytest.mark.parametrize("columns", [74, 80])
def test_a_narrow_terminal_cuts_no_figure(results: Path, columns: int) -> None:
    runner = CliRunner(env={"COLUMNS": str(columns)})
    arguments = ["base", "newer", "--output-dir", str(results)]
    found = json.loads(runner.invoke(command, [*arguments, "--format", "json"]).stdout)["comparisons"]
    rows = [line for line in runner.invoke(command, arguments).stdout.splitlines() if "INCONCLUSIV" in line][1:]
    assert len(rows) >= len(found) == 6
    assert all(row.endswith("INCONCLUSIVE") for row in rows[: len(found)])


def test_what_leaves_no_verdict_on_a_run_is_said_once_though_both_sides_are_of_it(results: Path) -> None:
    left(results, "late-two", ttft_ms={"a": 100, "b": 130}, seed=7, lag_ms=500)
    grounds = json.loads(compare(results, "late-two:a", "late-two:b", "--format", "json").stdout)["grounds"]
    assert len(grounds) == len(set(grounds)) > 0
