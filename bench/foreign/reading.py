"""Which tool wrote a file, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from bench.comparing.run import ComparedRun
from bench.foreign import aiperf, guidellm, sglang_bench, vllm_bench
from bench.foreign.file import ForeignError, document, lines

KNOWN = "GuideLLM 0.8 (JSON or YAML), AIPerf (the folder with profile_export_aiperf.json), vllm bench serve and SGLang's bench_serving"


def read_foreign(path: Path) -> tuple[ComparedRun, ...]:
    """The runs of a file of another tool, or of a folder of AIPerf's. Raises `ForeignError`."""
    if path.is_dir():
        if (path / aiperf.SUMMARY).exists():
            return aiperf.read(path)
        raise ForeignError(f"{path}: is no run of chatprobe's, and has no file of another tool that is known: {KNOWN}")
    if path.suffix in (".yaml", ".yml"):
        if not guidellm.is_one(report := document(path)):
            raise ForeignError(f"{path}: is no benchmark report of GuideLLM 0.8")
        return (guidellm.read(report, path),)
    return _of_json(path)


def _of_json(path: Path) -> tuple[ComparedRun, ...]:
    """One object over many lines is a document, else each line is one."""
    try:
        found = lines(path)
        first = next(found, None)
    except ForeignError:
        found = iter(())
        first = document(path)
    if first is None:
        raise ForeignError(f"{path}: is empty")
    if aiperf.is_records(first) or aiperf.is_summary(first):
        return aiperf.read(path)
    if guidellm.is_one(first):
        return (guidellm.read(first, path),)
    if vllm_bench.is_one(first):
        return by_level(vllm_bench.read(chain([first], found), path))
    if sglang_bench.is_one(first):
        return by_level(sglang_bench.read(chain([first], found), path))
    raise ForeignError(f"{path}: is of no tool that is known: {KNOWN}")


def by_level(results: Sequence[ComparedRun]) -> tuple[ComparedRun, ...]:
    """Results of one file as runs: another level of the same target belongs to the same run, the same level is another run."""
    runs: list[ComparedRun] = []
    for result in results:
        same = next((number for number, run in enumerate(runs) if _goes_with(run, result)), None)
        if same is None:
            runs.append(result)
        else:
            runs[same] = _together(runs[same], result)
    return tuple(runs)


def _goes_with(run: ComparedRun, result: ComparedRun) -> bool:
    before, after = run.targets[""], result.targets[""]
    alike = (run.facts, run.definitions, before.facts) == (result.facts, result.definitions, after.facts)
    return alike and not before.levels.keys() & after.levels.keys()


def _together(run: ComparedRun, result: ComparedRun) -> ComparedRun:
    target = run.targets[""]
    return replace(run, targets={"": replace(target, levels={**target.levels, **result.targets[""].levels})})
