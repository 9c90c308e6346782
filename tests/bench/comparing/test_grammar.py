from __future__ import annotations

import pytest

from bench.comparing.conditions import Condition, ConditionError, read_condition
from bench.comparing.facts import FACTS, FactError, check_names
from bench.comparing.thresholds import ThresholdError, read_thresholds
from bench.measures import qualities
from bench.question import Question, QuestionError, read_question


@pytest.mark.parametrize(
    ("text", "measure", "quantile", "operator", "limit"),
    [
        ("ttft.p95>100ms", "ttft", 0.95, ">", 0.1),
        (" tpot.p99.9 >= 1.5s ", "tpot", 0.999, ">=", 1.5),
        ("itl.p50>250us", "itl", 0.5, ">", 0.00025),
        ("goodput<99%", "goodput", None, "<", 0.99),
        ("success<=99.9%", "success", None, "<=", 0.999),
        ("throughput<1200", "throughput", None, "<", 1200.0),
        ("output_rate.p5<12 tokens/s", "output_rate", 0.05, "<", 12.0),
    ],
)
def test_conditions_are_read(text: str, measure: str, quantile: float | None, operator: str, limit: float) -> None:
    read = read_condition(text)
    assert read == Condition(Question(measure, quantile), operator, pytest.approx(limit), text.strip())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ttft.p95", "'ttft.p95' is no condition; write a measure, one of > >= < <= and a value, like 'ttft.p95>100ms' or 'success<99.9%'"),
        ("ttft.p95=100ms", "'ttft.p95=100ms' is no condition; write a measure, one of > >= < <= and a value"),
        ("tftt.p95>1s", "'tftt.p95>1s': there is no measure 'tftt'; write one of answer, e2e, first_content, goodput, itl"),
        ("ttft>1s", "'ttft>1s': ttft has a value for each chat; say which quantile, like ttft.p95"),
        ("ttft.95>1s", "'ttft.95>1s': '95' is no quantile; write p50, p95, p99 or p99.9, like ttft.p95"),
        ("ttft.p0>1s", "'ttft.p0>1s': 'p0' is no quantile"),
        ("success.p50<99%", "'success.p50<99%': success has one value for all chats, and no quantiles; write success"),
        ("ttft.p95>100", "'ttft.p95>100': ttft is in seconds (us, ms or s); write ttft.p95>100s"),
        ("success<99", "'success<99': success is in percent (%); write success<99%"),
        ("success<101%", "'success<101%': no share is above 100%; write at most success<100%"),
        ("throughput<100ms", "'throughput<100ms': throughput is in tokens a second (tokens/s); write throughput<100tok/s"),
        ("ttft.p95<1s", "'ttft.p95<1s' would fail a run for being good, as lower is better; write what fails it, ttft.p95>1s"),
        ("success>99%", "'success>99%' would fail a run for being good, as higher is better; write what fails it, success<99%"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_remedy(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as refused:
        read_condition(text)
    assert str(refused.value).startswith(said)


def test_thresholds_are_read_from_the_widest_to_the_narrowest() -> None:
    read = read_thresholds(["4%", "ttft=8%", "ttft.p95=12.5%", "success=0.2%"])
    asked = ("ttft.p50", "ttft.p95", "tpot.p50", "success", "goodput")
    assert [read.of(read_question(text)) for text in asked] == pytest.approx([0.08, 0.125, 0.04, 0.002, 0.01])
    assert read.questions == (Question("ttft", 0.95), Question("success"))
    assert read_thresholds([]).of(read_question("ttft.p50")) == 0.05


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5", "'5' is no threshold; write a percentage, like 5%, or one of a measure, like ttft.p95=10%"),
        ("ttft.p95=fast", "'ttft.p95=fast' is no threshold"),
        ("tftt=5%", "'tftt=5%': there is no measure 'tftt'; write one of"),
        ("tpot.mean=5%", "'tpot.mean=5%': 'mean' is no quantile"),
    ],
)
def test_what_is_no_threshold_is_refused_with_the_remedy(text: str, said: str) -> None:
    with pytest.raises(ThresholdError) as refused:
        read_thresholds([text])
    assert str(refused.value).startswith(said)


def test_facts_are_a_closed_list() -> None:
    assert check_names(["engine.version", "model"]) == {"engine.version", "model"}
    with pytest.raises(FactError, match=r"there is no fact 'version'; write one of model, engine, engine\.version"):
        check_names(["version"])
    assert set(FACTS) >= {"model", "engine.version", "engine.flags", "hardware", "prompts", "load", "seed"}


@pytest.mark.parametrize("name", qualities())
def test_every_measure_of_a_run_can_be_asked_for(name: str) -> None:
    with_quantile = name not in ("throughput", "goodput", "success")
    text = f"{name}.p95" if with_quantile else name
    assert str(read_question(text)) == text


def test_there_is_no_question_of_nothing() -> None:
    with pytest.raises(QuestionError, match="there is no measure ''"):
        read_question("")
