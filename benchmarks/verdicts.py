"""Whether verdicts of `chatprobe bench` are right where the truth is known: one engine against itself, or against a slower one.

`python -m benchmarks.verdicts URL` has one engine under two names, so that every winner is a false one.
`python -m benchmarks.verdicts --simulated 1.1` has two simulated engines, the second slower by that factor in all it does: each run
should find it, and its intervals should hold the factor.
`python -m benchmarks.verdicts URL --slowed 1.1` does the same of a real engine, through two proxies: one passes its answers on as they
come, the other makes each of them take that many times as long (`benchmarks.slowing`). What a proxy itself costs is in both.
It prints a line for each run, and the counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINES_CPU, OWN_CPU = ("taskset", "--cpu-list", "0"), ("taskset", "--cpu-list", "1")
"""Simulated engines have a core for themselves, and chatprobe another. A real one is pinned by whoever starts it."""
PREFILL_TOKENS_PER_SECOND, FIRST_TOKEN_MS, DECODE_MS, JITTER = 4000.0, 40.0, 10.0, 0.2
"""Of the first simulated engine."""
TIMES = ("ttft", "tpot", "e2e", "answer")
"""Measures that a slower engine has more of, by its factor."""
CONFIG = """\
bench: {{scenario: load, levels: [{{{load}}}], rounds: {rounds}, duration: {duration}, hardware: {hardware}}}
targets:
  a: {{backend: vllm, url: "{a}"}}
  b: {{backend: vllm, url: "{b}"}}
scenarios:
  load: {{{load}, prompt: short-question, max_tokens: {tokens}, trace_context: unsampled}}
"""


@dataclass(frozen=True)
class Said:
    """What one run said: whether it trusted itself, and its comparisons."""

    trusted: bool
    why: list[str]
    comparisons: list[dict[str, Any]]

    @property
    def winners(self) -> list[str]:
        return [f"{_name(one)}: {one['winner']}" for one in self.comparisons if one["winner"]]


def _name(comparison: dict[str, Any]) -> str:
    quantile = comparison["quantile"]
    return comparison["measure"] if quantile is None else f"{comparison['measure']} p{quantile * 100:g}"


def hold(config: str, folder: Path) -> Said:
    """One run, and what it said. Its results stay in the folder."""
    before = {*folder.glob("*/summary.json")}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(config)
        file.flush()
        command = (*OWN_CPU, sys.executable, "-P", "-m", "cli", "bench", "run", file.name, "--output-dir", str(folder), "--no-progress")
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = {*folder.glob("*/summary.json")} - before
    if not found:
        sys.exit(f"the run failed with {done.returncode}: {done.stdout}{done.stderr}")
    summary = json.loads(found.pop().read_bytes())
    return Said(summary["verdict"]["trusted"], summary["verdict"]["why"], summary["comparisons"])


@contextmanager
def simulated(slower: float) -> Iterator[tuple[str, str]]:
    """The URLs of two simulated engines, each a process of its own; the second is slower by this factor."""
    with ExitStack() as stack:
        yield stack.enter_context(_engine(1.0, seed=1)), stack.enter_context(_engine(slower, seed=2))


@contextmanager
def slowed(url: str, factor: float) -> Iterator[tuple[str, str]]:
    """Two URLs of one engine, by the second of which it is slower by this factor.

    Each is that of a proxy with a process of its own. On the engine's core its delays would wait for the engine's next step, which is longer.
    """
    with ExitStack() as stack:
        yield stack.enter_context(_proxy(url, 1.0)), stack.enter_context(_proxy(url, factor))


@contextmanager
def _proxy(url: str, factor: float) -> Iterator[str]:
    with _process([*OWN_CPU, sys.executable, "-P", "-m", "benchmarks.slowing", url, "--factor", str(factor)]) as words:
        yield words[1]


@contextmanager
def _process(command: Sequence[str]) -> Iterator[list[str]]:
    """What a process says in its first line, while it runs."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _engine(factor: float, seed: int) -> Iterator[str]:
    speed = {
        "--prefill-tokens-per-second": PREFILL_TOKENS_PER_SECOND / factor,
        "--first-token-ms": FIRST_TOKEN_MS * factor,
        "--decode-ms": DECODE_MS * factor,
        "--jitter": JITTER,
        "--seed": seed,
    }
    options = [str(word) for pair in speed.items() for word in pair]
    with _process([*ENGINES_CPU, sys.executable, "-P", "-m", "cli", "simulate", "vllm", *options]) as words:
        yield words[1]


def held(said: Said, slower: float) -> Iterator[tuple[str, bool, bool]]:
    """Of each measure that the factor is known of: whether the slower one was found, and whether the interval holds the factor."""
    for one in said.comparisons:
        if one["measure"] in TIMES and one["ratio"] is not None:
            yield _name(one), one["winner"] == "a", one["low"] <= slower <= one["high"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", help="a vLLM that is compared with itself")
    parser.add_argument("--simulated", type=float, metavar="FACTOR", help="two simulated engines, the second slower by this factor")
    parser.add_argument("--slowed", type=float, metavar="FACTOR", help="with URL: compared with itself through proxies, one slower by this factor")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", default="60s", help="of one run")
    of_load = parser.add_mutually_exclusive_group()
    of_load.add_argument("--users", type=int, default=4)
    of_load.add_argument("--rate", metavar="N/s", help="chats by the clock in place of users, who ask the slower engine less")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--hardware", choices=["own", "shared"], default="shared")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the runs are kept: another version may summarise them anew")
    given = parser.parse_args()
    if (given.url is None) == (given.simulated is None):
        parser.error("name a URL, or --simulated FACTOR")
    if given.slowed is not None and given.url is None:
        parser.error("--slowed is for the engine at a URL; --simulated has a slower one of its own")
    slower = given.simulated or given.slowed or 1.0
    found, intervals, untrusted, false = Counter[str](), Counter[str](), 0, 0
    looked = Counter[str]()
    engines = simulated(slower) if given.simulated else slowed(given.url, slower) if given.slowed else _same(given.url)
    with engines as (a, b):
        load = f"rate: {given.rate}" if given.rate else f"users: {given.users}"
        config = CONFIG.format(a=a, b=b, load=load, rounds=given.rounds, duration=given.duration, tokens=given.tokens, hardware=given.hardware)
        for number in range(1, given.runs + 1):
            said = hold(config, given.results)
            untrusted += not said.trusted
            false += bool(said.winners)
            for name, was_found, holds in held(said, slower):
                looked[name] += 1
                found[name] += was_found
                intervals[name] += holds
            print(f"{number}: {', '.join(said.winners) or 'no winner'}{'' if said.trusted else f'; no verdict: {said.why}'}", flush=True)
    print(f"{given.runs} runs, {untrusted} without a verdict, {false} with a winner")
    for name, count in looked.items():
        print(f"{name}: interval held {slower:g} in {intervals[name]} of {count}, b found slower in {found[name]}")


@contextmanager
def _same(url: str) -> Iterator[tuple[str, str]]:
    yield url, url


if __name__ == "__main__":
    main()
