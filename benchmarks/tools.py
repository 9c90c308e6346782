"""What GuideLLM, AIPerf and chatprobe say of one vLLM under the same load, beside what the engine itself counted meanwhile.

    python -m benchmarks.tools URL --tokenizer FOLDER [--streams 1,8,32,64] [--tools chatprobe,guidellm,aiperf] [--requests 20]

Each tool holds so many streams, each with so many requests one after another, with prompts and answers of a fixed length. GuideLLM and
AIPerf have environments of their own below ~/.cache/bench-tools, which are made at the first run. Nobody else may use the engine. It
prints a table in Markdown: the tool's own mean beside that of the engine's own histograms, over the requests of that run alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from venv import EnvBuilder

from bench.chat import Chat
from bench.comparing.run import Taken
from bench.foreign import aiperf
from bench.foreign.reading import read_foreign
from bench.question import Question
from bench.results.chats import chat_of_line
from bench.results.lines import RECORDS
from bench.summary.words import duration
from bench.summary.words import figures as written
from exporter.native.families import parse
from probes import backends
from probes.numbers.number import Number
from probes.numbers.page import Numbers, amount, histogram

HOME = Path.home() / ".cache/bench-tools"
VERSIONS = {"guidellm": "0.8.1", "aiperf": "0.13.0"}
PROMPT_TOKENS, ANSWER_TOKENS = 64, 64
LOOKS_EVERY_SECONDS = 0.25
CONFIG = """\
bench: {{rounds: 1, block: {seconds}s, warm_up: 1ms, hardware: own}}
targets: {{vllm: {{backend: vllm, url: "{load.url}", model: "{load.model}"}}}}
scenarios:
  load: {{users: {load.streams}, ramp_up: 1ms, prompt: {{input_tokens: {prompt}}}, max_tokens: {answer}, exact_length: true}}
"""
OWN_CPU = ("taskset", "--cpu-list", "1")
"""Tools run on one core; the engine is pinned to others by whoever starts it."""


@dataclass(frozen=True)
class Load:
    """What is asked of every tool alike."""

    url: str
    model: str
    tokenizer: str
    streams: int
    requests: int
    """Of each stream."""

    @property
    def all(self) -> int:
        return self.streams * self.requests


@dataclass(frozen=True)
class Means:
    """Of one run, by one witness: seconds, output tokens a second, and how many first tokens these are of. None where it does not tell."""

    ttft_seconds: float | None
    itl_seconds: float | None
    tokens_per_second: float | None
    requests: int


@dataclass(frozen=True)
class Look:
    """What the engine had counted at a time."""

    at: float
    numbers: Numbers


class Engine:
    """The engine as a witness: its counters before, while and after a tool runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def look(self, at: float = 0.0) -> Look:
        """Raises `OSError` where it does not answer."""
        own = backends.get("vllm").metrics
        assert own is not None
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=10) as answer:
            page = parse(answer.read(), answer.headers.get_content_type(), own)
        return Look(at, own.read(page.families))

    def model(self) -> str:
        """The first that it serves."""
        with urllib.request.urlopen(f"{self._url}/v1/models", timeout=10) as answer:
            return backends.get("vllm").models(answer.read())[0]

    @contextmanager
    def watched(self) -> Iterator[list[Look]]:
        """Looks at its counters, in a thread of its own, until the context ends; the first and the last are at its edges."""
        looks, over = [self.look(time.monotonic())], threading.Event()

        def watch() -> None:
            while not over.wait(LOOKS_EVERY_SECONDS):
                looks.append(self.look(time.monotonic()))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield looks
        finally:
            over.set()
            thread.join()
            looks.append(self.look(time.monotonic()))


def of_engine(looks: Sequence[Look]) -> Means:
    """Means by what its histograms' sums and counts grew by; throughput over the time in which it gave tokens, look by look."""
    first, last = looks[0].numbers, looks[-1].numbers
    seconds = sum(after.at - before.at for before, after in pairwise(looks) if _tokens(after) > _tokens(before))
    grown = _tokens(looks[-1]) - _tokens(looks[0])
    ttfts = histogram(last, Number.TTFT), histogram(first, Number.TTFT)
    counted = ttfts[0].count - (ttfts[1].count if ttfts[1] else 0.0) if ttfts[0] else 0.0
    return Means(_mean(first, last, Number.TTFT), _mean(first, last, Number.ITL), grown / seconds if seconds else None, round(counted))


def _tokens(look: Look) -> float:
    return amount(look.numbers, Number.GENERATION_TOKENS) or 0.0


def _mean(first: Numbers, last: Numbers, number: Number) -> float | None:
    before, after = histogram(first, number), histogram(last, number)
    if after is None:
        return None
    count = after.count - (before.count if before else 0.0)
    return (after.total - (before.total if before else 0.0)) / count if count else None


def chatprobe(load: Load, folder: Path) -> Means:
    """Every chat counts, as the engine counts them: without a warm-up."""
    config = folder / "run.yaml"
    config.write_text(CONFIG.format(load=load, prompt=PROMPT_TOKENS, answer=ANSWER_TOKENS, seconds=_block_seconds(load)))
    _run([sys.executable, "-P", "-m", "cli", "bench", "run", str(config), "--output-dir", str(folder), "--no-progress"])
    (records,) = folder.glob(f"*/{RECORDS}")
    chats = [chat_of_line(json.loads(line)) for line in records.read_text().splitlines()]
    summary = json.loads(next(folder.glob("*/summary.json")).read_text())
    tokens = sum(float(chat.gap_tokens.sum()) for chat in chats)
    itl = sum(float(chat.gaps_seconds.sum()) for chat in chats) / tokens if tokens else None
    told = summary["levels"][0]["targets"][0]["throughput"]["value"]
    return Means(_of(chats, lambda chat: chat.ttft_seconds), itl, told, sum(chat.ttft_seconds is not None for chat in chats))


def _block_seconds(load: Load) -> int:
    """About as long as so many requests take with the other tools: they are ended by a number, and chatprobe by a time."""
    return max(10, load.requests * 2)


def run_guidellm(load: Load, folder: Path) -> Means:
    report, scenario = folder / "report.json", folder / "scenario.json"
    spec = {
        "backend": {"kind": "openai_http", "target": load.url, "model": load.model, "request_format": "/v1/chat/completions"},
        "profile": {"kind": "concurrent", "streams": [load.streams]},
        "constraints": [{"kind": "max_requests", "count": load.all}],
        "tokenizer": {"kind": "huggingface_auto", "model": load.tokenizer},
        "data": [{"kind": "synthetic_text", "prompt_tokens": PROMPT_TOKENS, "output_tokens": ANSWER_TOKENS}],
        "outputs": [{"kind": "json", "path": str(report)}],
    }
    scenario.write_text(json.dumps({"spec": spec}))
    _run([str(_tool("guidellm")), "run", "--config", str(scenario), "--disable-console"])
    (run,) = read_foreign(report)
    return _means(next(iter(run.targets[""].levels.values())))


def run_aiperf(load: Load, folder: Path) -> Means:
    _run([
        str(_tool("aiperf")), "profile", "--model", load.model, "--url", load.url, "--endpoint-type", "chat", "--streaming",
        "--concurrency", str(load.streams), "--request-count", str(load.all), "--synthetic-input-tokens-mean", str(PROMPT_TOKENS),
        "--synthetic-input-tokens-stddev", "0", "--output-tokens-mean", str(ANSWER_TOKENS), "--output-tokens-stddev", "0",
        "--extra-inputs", "ignore_eos:true", "--extra-inputs", f"min_tokens:{ANSWER_TOKENS}", "--use-server-token-count",
        "--tokenizer", load.tokenizer, "--output-artifact-dir", str(folder), "--no-gpu-telemetry", "--no-server-metrics", "--ui-type", "none",
    ])  # fmt: skip
    (run,) = aiperf.read(next(folder.rglob(aiperf.SUMMARY)).parent)
    return _means(next(iter(run.targets[""].levels.values())))


def _means(taken: Taken) -> Means:
    """Of another tool's file: of its requests that ended well."""
    assert taken.sample is not None, "it keeps its requests one by one"
    chats = [chat for part in taken.sample.parts for chat in part.chats if chat.outcome == "ok"]
    return Means(
        _of(chats, lambda chat: chat.ttft_seconds), _of(chats, lambda chat: chat.tpot_seconds), taken.told.get(Question("throughput")), len(chats)
    )


def _of(chats: Sequence[Chat], value: Callable[[Chat], float | None]) -> float | None:
    found = [each for chat in chats if (each := value(chat)) is not None]
    return fmean(found) if found else None


def _tool(name: str) -> Path:
    """Its program, in an environment of its own, which is made where there is none."""
    home = HOME / f"{name}-{VERSIONS[name]}"
    program = home / "bin" / name
    if not program.exists():
        EnvBuilder(with_pip=True).create(home)
        _run([str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", f"{name}=={VERSIONS[name]}"])
    return program


def _run(command: Sequence[str]) -> None:
    """Ends the program with what the command said, where it fails."""
    done = subprocess.run([*OWN_CPU, *command], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


TOOLS: dict[str, Callable[[Load, Path], Means]] = {"chatprobe": chatprobe, "guidellm": run_guidellm, "aiperf": run_aiperf}
HEAD = ("streams", "tool", "requests (tool, engine)", "TTFT", "engine's", "ITL", "engine's", "tokens/s", "engine's")


def row(streams: int, tool: str, client: Means, engine: Means) -> str:
    """A line of the table."""
    named = f"{tool} {VERSIONS[tool]}" if tool in VERSIONS else tool
    pairs = [(client.ttft_seconds, engine.ttft_seconds), (client.itl_seconds, engine.itl_seconds)]
    times = ["–" if value is None else duration(value) for pair in pairs for value in pair]
    rates = ["–" if value is None else written(value) for value in (client.tokens_per_second, engine.tokens_per_second)]
    return f"| {' | '.join([str(streams), named, f'{client.requests:,}, {engine.requests:,}', *times, *rates])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="a vLLM")
    parser.add_argument("--tokenizer", required=True, help="folder or name of the model's tokenizer, for GuideLLM and AIPerf")
    parser.add_argument("--streams", default="1,8,32,64")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--requests", type=int, default=20, help="of each stream")
    given = parser.parse_args()
    tools = given.tools.split(",")
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        parser.error(f"--tools: {', '.join(unknown)} is none; there are {', '.join(TOOLS)}")
    engine = Engine(given.url.rstrip("/"))
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for streams in map(int, given.streams.split(",")):
        load = Load(given.url.rstrip("/"), engine.model(), given.tokenizer, streams, given.requests)
        for tool in tools:
            with tempfile.TemporaryDirectory() as folder, engine.watched() as looks:
                client = TOOLS[tool](load, Path(folder))
            print(row(streams, tool, client, of_engine(looks)), flush=True)


if __name__ == "__main__":
    main()
