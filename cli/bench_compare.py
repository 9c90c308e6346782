"""`chatprobe bench compare`: a verdict on two sides, or on one run by its conditions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cli.configuration import config_option
from cli.paths import ANY_FILE
from cli.results import results_option

if TYPE_CHECKING:
    from bench.comparing.asked import Asked
    from bench.comparing.run import Side
    from bench.comparing.verdict import Verdict
    from config.bench_slos import ChatSlo

_OPTIONS = {"thresholds": "--threshold", "expected": "--expect-change", "measures": "--measure"}
FORMATS = ("table", "markdown", "json")


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[A [B]]")
@click.option("--baseline", "baselines", multiple=True, metavar="RUN", help="A further run of the baseline, A; repeatable.")
@click.option("--candidate", "candidates", multiple=True, metavar="RUN", help="A further run of the candidate, B; repeatable.")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="[MEASURE=]PERCENT",
    help="How much worse the candidate may be: 5% where nothing is said, of success and goodput 1 percentage point. ttft.p95=10% is for one measure.",
)
@click.option("--fail-on", "conditions", multiple=True, metavar="CONDITION", help="Fails a run by itself, like ttft.p95>100ms or success<99.9%.")
@click.option("--expect-change", "expected", multiple=True, metavar="FACT", help="What was to be compared, like engine.version; repeatable.")
@click.option("--measure", "measures", multiple=True, metavar="MEASURE", help="Look at this, like ttft.p95, and not at the usual ones; repeatable.")
@click.option(
    "--slo",
    metavar="NAME",
    help="What a good chat keeps to: an SLO of --config, one of the runs, or a preset; left out: that of the runs, if they share one.",
)
@config_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Form of what is printed.")
@click.option("--junit", type=ANY_FILE, metavar="FILE", help="Write JUnit XML, a test case for each measure, too.")
@results_option
def command(runs: tuple[str, ...], baselines: tuple[str, ...], candidates: tuple[str, ...], form: str, junit: Path | None, **options: Any) -> None:
    """Say whether candidate B is worse than baseline A by more than allowed; or judge the one run A by --fail-on.

    A and B are runs (a folder, a name, latest), or result files of GuideLLM, AIPerf, vllm bench serve or SGLang's bench_serving. RUN:TARGET
    chooses one target of a run. Where the sides are unlike in what was not to be compared, there is no verdict.

    Exits with 0 for PASS, 1 for FAIL, and 2 for INCONCLUSIVE, or where nothing could be compared.
    """
    from probes.extras import missing

    if (lacking := missing("bench")) is not None:
        _refuse(f"it needs {lacking}")
    before, after = _sides(runs, baselines, candidates, bool(options["conditions"]))
    for name in ("thresholds", "expected", "measures"):
        if options[name] and not before:
            raise click.UsageError(f"{_OPTIONS[name]} is for two sides; give a baseline too, or leave it out")
    verdict = _judged(before, after, **options)
    _print(verdict, form)
    if junit is not None:
        _write(junit, verdict)
    raise click.exceptions.Exit(verdict.outcome.exit_code)


def _sides(runs: tuple[str, ...], baselines: tuple[str, ...], candidates: tuple[str, ...], with_conditions: bool) -> tuple[list[str], list[str]]:
    """What was written for either side. One run alone is a candidate, which conditions are for."""
    if len(runs) > 2:
        raise click.UsageError("there are more than two runs; give A and B, and further runs of the same side by --baseline and --candidate")
    first, second = list(runs[:1]), list(runs[1:])
    if len(runs) == 1 and not candidates:
        if baselines:
            raise click.UsageError("there is no candidate; give it as B, or by --candidate")
        if not with_conditions:
            raise click.UsageError("one run alone has nothing to be compared with; give a second one, or --fail-on")
        return [], first
    before, after = [*first, *baselines], [*second, *candidates]
    if not after or (not before and not with_conditions):
        raise click.UsageError("it needs a baseline and a candidate; give A and B, or one run and --fail-on")
    return before, after


def _judged(
    before: list[str],
    after: list[str],
    *,
    thresholds: tuple[str, ...],
    conditions: tuple[str, ...],
    expected: tuple[str, ...],
    measures: tuple[str, ...],
    slo: str | None,
    configs: tuple[Path, ...],
    results: Path,
) -> Verdict:
    from dataclasses import replace

    from bench.comparing.judging import judge, judge_alone
    from bench.comparing.opening import OpeningError, open_side
    from bench.comparing.pairing import PairingError
    from bench.comparing.run import shared_slo
    from bench.foreign.file import ForeignError
    from bench.results.problem import ResultsError

    what = _asked(thresholds, conditions, expected, measures)
    try:
        candidate = open_side("candidate", after, results)
        baseline = open_side("baseline", before, results) if before else None
        runs = _runs(baseline, candidate)
        what = replace(what, slo=shared_slo(runs) if slo is None else _slo(slo, configs, runs))
        return judge_alone(candidate, what) if baseline is None else judge(baseline, candidate, what)
    except (OpeningError, ForeignError, ResultsError, PairingError) as error:
        _refuse(str(error))


def _runs(baseline: Side | None, candidate: Side) -> list[Any]:
    return [*(baseline.runs if baseline else ()), *candidate.runs]


def _asked(thresholds: tuple[str, ...], conditions: tuple[str, ...], expected: tuple[str, ...], measures: tuple[str, ...]) -> Asked:
    from bench.comparing.asked import Asked
    from bench.comparing.conditions import ConditionError, read_condition
    from bench.comparing.facts import FactError, check_names
    from bench.comparing.thresholds import ThresholdError, read_thresholds
    from bench.question import QuestionError, read_question

    try:
        return Asked(
            thresholds=read_thresholds(thresholds),
            conditions=tuple(map(read_condition, conditions)),
            expected=check_names(expected),
            questions=tuple(map(read_question, measures)),
        )
    except ThresholdError as error:
        raise click.BadParameter(str(error), param_hint="--threshold") from error
    except ConditionError as error:
        raise click.BadParameter(str(error), param_hint="--fail-on") from error
    except FactError as error:
        raise click.BadParameter(str(error), param_hint="--expect-change") from error
    except QuestionError as error:
        raise click.BadParameter(str(error), param_hint="--measure") from error


def _slo(name: str, configs: tuple[Path, ...], runs: list[Any]) -> ChatSlo:
    """The SLO of this name: the configuration's, else the runs', else a preset."""
    from bench.comparing.run import slos_of
    from cli.bench_wanted import own_slos
    from config.bench_slos import PRESETS, presets_in_words
    from config.problems import ConfigError
    from config.reader import read

    try:
        own = own_slos(read(configs).config) if configs else {}
    except ConfigError as error:
        _refuse(str(error))
    if name in own:
        return own[name]
    of_runs = slos_of(runs)
    unlike = of_runs.get(name, ())
    if len(unlike) > 1:
        _refuse(f"--slo: the runs mean unlike things by {name}: {'; '.join(slo.words for slo in unlike)}; give the one that is meant with --config")
    if unlike:
        return unlike[0]
    if name not in PRESETS:
        others = "".join(f"\n  {slo.told}" for slo in (*own.values(), *(slo for slos in of_runs.values() for slo in slos)))
        raise click.BadParameter(f"there is no SLO {name!r}; there are\n{presets_in_words()}{others}", param_hint="--slo")
    return PRESETS[name]


def _print(verdict: Verdict, form: str) -> None:
    if form == "json":
        import orjson

        from bench.comparing.writing import to_json

        click.echo(orjson.dumps(to_json(verdict), option=orjson.OPT_INDENT_2).decode())
    elif form == "markdown":
        from bench.comparing.markdown import markdown

        click.echo(markdown(verdict), nl=False)
    else:
        from bench.comparing.table import shown
        from cli.streams import console_for_people

        console_for_people().print(shown(verdict))


def _write(path: Path, verdict: Verdict) -> None:
    from bench.comparing.junit import junit

    try:
        path.write_bytes(junit(verdict))
    except OSError as error:
        _refuse(f"{path} cannot be written: {error.strerror}; give another file with --junit")


def _refuse(message: str) -> NoReturn:
    """Exit with 2, as where nothing can be decided."""
    click.echo(f"Error: {message}", err=True)
    raise click.exceptions.Exit(2)
