"""`chatprobe bench` as a person and as a pipeline use it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.bench import PRESETS
from cli.bench_wanted import Wanted, configuration
from cli.given import Given
from cli.main import main
from config.starters import BENCH_PRESETS
from probes import extras
from simulator import Latency, Options, simulated
from tests.answers import FINISH, stream, token, whole
from tests.processes import free_port
from tests.servers import Peer, Server, serving
from tests.waiting import PATIENCE_SECONDS, eventually

FAST = Options(latency=Latency(first_token_seconds=0.005, decode_seconds=0.002))
SCENARIO = "scenarios: {bench: {users: 2, prompt: short-question, max_tokens: 4, timeout: 10s}}\n"
SHORT = "bench: {rounds: 2, block: 700ms, warm_up: 100ms, pause: 10ms, grace: 5s, hardware: own}\n"
LONG = "bench: {rounds: 2, block: 60s, warm_up: 100ms, pause: 10ms, grace: 60s, hardware: own}\n"


@asynccontextmanager
async def bench(*arguments: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs the command as a process while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli", "bench", *arguments),
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "120"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    """Its exit code, and what it wrote to standard output and error."""
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def benched(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    async with bench(*arguments, cwd=cwd) as process:
        return await ended(process)


def written(folder: Path, text: str) -> str:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def results(folder: Path) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The manifest and the records of the only run."""
    (run,) = (folder / "results").iterdir()
    records = [json.loads(line) for line in (run / "records.ndjson").read_text().splitlines()]
    return json.loads((run / "manifest.json").read_text()), records


def said(*arguments: str) -> tuple[int, str]:
    """What the command says within this process, and its exit code."""
    answered = CliRunner().invoke(main, ["bench", *arguments], prog_name="chatprobe")
    return answered.exit_code, answered.output


async def test_a_run_on_two_urls_ends_with_its_summary_and_its_results(tmp_path: Path) -> None:
    async with simulated("vllm", FAST) as a, simulated("tgi", FAST) as b:
        config = written(tmp_path, SCENARIO + SHORT)
        targets = ("--target", f"a={a.url}", "--target", f"b={b.url}")
        code, out, err = await benched("quick", "--config", config, *targets, "--name", "mine", "--slo", "reading", cwd=tmp_path)
    assert code == 0, err
    assert f"a: vLLM 0.32.0 at {a.url}, tiny" in err
    assert "4 users, round 1 of 2, a: " in err
    assert "What became of the chats" in out
    assert "reading" in out
    manifest, records = results(tmp_path)
    (summary,) = (tmp_path / "results").glob("*/summary.json")
    assert json.loads(summary.read_text())["targets"] == ["a", "b"]
    assert manifest["state"] == "complete"
    about = manifest["about"]
    assert isinstance(about, dict)
    assert (about["name"], about["preset"], about["targets"], about["seed"]) == ("mine", "quick", ["a", "b"], 1)
    assert {record["target"] for record in records} == {"a", "b"}


async def test_what_is_taken_off_a_url_is_told_once(tmp_path: Path) -> None:
    async with simulated("vllm", FAST) as engine:
        config = written(tmp_path, SCENARIO + SHORT)
        code, _, err = await benched("quick", "--config", config, "--target", f"a={engine.url}/v1", "--targets", "none", cwd=tmp_path)
    assert (code, err.count("--target: ends in /v1, which chatprobe adds itself")) == (2, 1), err


async def test_the_first_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    async with simulated("vllm", FAST) as engine:
        config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: '{engine.url}'}}}}\n{SCENARIO}{LONG}")
        async with bench("run", config, cwd=tmp_path) as process:
            await eventually(lambda: len(engine.truth.chats()) > 20)
            process.send_signal(signal.SIGINT)
            code, out, err = await ended(process)
    assert code == 130, err
    assert "interrupted: chats are cut off, what was measured is kept" in err
    assert "a" in out
    manifest, records = results(tmp_path)
    assert (manifest["state"], manifest["detail"]) == ("interrupted", "it was interrupted")
    assert len(records) >= 15


async def test_sigterm_is_as_good_as_an_interrupt(tmp_path: Path) -> None:
    async with simulated("vllm", FAST) as engine:
        config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: '{engine.url}'}}}}\n{SCENARIO}{LONG}")
        async with bench("run", config, cwd=tmp_path) as process:
            await eventually(lambda: len(engine.truth.chats()) > 5)
            process.send_signal(signal.SIGTERM)
            code, _, err = await ended(process)
    assert code == 130, err
    assert results(tmp_path)[0]["state"] == "interrupted"


async def test_the_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    """The engine falls silent, so that the look at it after the run takes its time."""
    with falling_silent() as (engine, silent):
        config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: '{engine.url}'}}}}\n{SCENARIO}{LONG}")
        async with bench("run", config, cwd=tmp_path) as process:
            assert process.stderr is not None
            await eventually(lambda: sum(request.startswith(b"POST") for request in engine.requests) > 5)
            silent.set()
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while b"the run is over" not in await process.stderr.readline():
                    pass
            process.send_signal(signal.SIGINT)
            code, out, err = await ended(process)
    assert code == 130
    assert "stopped at once; what was measured is in results/test_run_" in err
    assert out == ""
    manifest, records = results(tmp_path)
    assert manifest["state"] == "interrupted"
    assert len(records) >= 3


@contextmanager
def falling_silent() -> Iterator[tuple[Server, threading.Event]]:
    """A vLLM that answers until the event is set, and nothing from then on."""
    silent = threading.Event()
    pages = {
        b"GET /health ": b"",
        b"GET /version ": b'{"version": "0.11.0"}',
        b"GET /v1/models ": b'{"object": "list", "data": [{"id": "tiny", "object": "model", "max_model_len": 4096}]}',
        b"GET /metrics ": b"",
    }

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            if silent.is_set():
                peer.await_client_gone()
                return
            page = next((body for begin, body in pages.items() if request.startswith(begin)), None)
            peer.send(stream(token("Hi"), token(" there"), FINISH) if page is None else whole(200, page))

    with serving(script) as server:
        yield server, silent
        silent.set()


async def test_an_interrupt_before_the_run_leaves_nothing(tmp_path: Path) -> None:
    with falling_silent() as (engine, silent):
        silent.set()
        config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: '{engine.url}'}}}}\n{SCENARIO}{LONG}")
        async with bench("run", config, cwd=tmp_path) as process:
            await eventually(lambda: len(engine.requests) > 0)
            process.send_signal(signal.SIGINT)
            code, _, _ = await ended(process)
    assert code == 130
    assert not (tmp_path / "results").exists()


async def test_an_engine_that_is_killed_is_a_result(tmp_path: Path) -> None:
    port = free_port()
    killed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "simulate", "vllm", "--port", str(port)), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with simulated("vllm", FAST) as a:
            await eventually(lambda: _listens(port))
            targets = f"targets: {{a: {{backend: vllm, url: '{a.url}'}}, b: {{backend: vllm, url: 'http://127.0.0.1:{port}'}}}}\n"
            config = written(tmp_path, targets + SCENARIO + SHORT.replace("700ms", "1500ms"))
            async with bench("run", config, cwd=tmp_path) as process:
                assert process.stderr is not None
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while b"round 1 of 2, b" not in await process.stderr.readline():
                        pass
                killed.kill()
                code, out, err = await ended(process)
    finally:
        if killed.returncode is None:
            killed.kill()
        await killed.wait()
    assert code == 0, err
    assert "b could not be chatted with at the end" in out.replace("\n", " ")
    manifest, records = results(tmp_path)
    assert manifest["state"] == "complete"
    second = [record for record in records if isinstance(record["bench"], dict) and record["bench"]["round"] == 2]
    assert {record["outcome"] for record in second if record["target"] == "a"} == {"ok"}
    assert "connect" in {record["reason"] for record in second if record["target"] == "b"}


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_an_objective_that_is_missed_is_told_by_the_exit_code(tmp_path: Path) -> None:
    async with simulated("vllm", FAST) as engine:
        slo = "bench: {slo: {ttft: 1ms}, objective: 90%, rounds: 2, block: 2s, warm_up: 100ms, hardware: own}\n"
        config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: '{engine.url}'}}}}\n{SCENARIO}{slo}")
        code, _, err = await benched("run", config, cwd=tmp_path)
    # on a machine that is too busy to measure on, there is no verdict
    assert code == (2 if "started late" in err else 1), err
    assert "objective 90% of own: " in err


async def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    with serving(lambda peer: peer.await_client_gone()) as a, serving(lambda peer: peer.await_client_gone()) as b:
        code, out, err = await benched("standard", "--target", f"a={a.url}", "--target", f"b={b.url}", "--dry-run", cwd=tmp_path)
        assert (a.connections, b.connections) == (0, 0)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"a: an engine that is asked what it is when the run begins, at {a.url}, the model that it has",
        f"b: an engine that is asked what it is when the run begins, at {b.url}, the model that it has",
        "a and b have one host, so they are taken to share hardware, and measured one after another; or say --hardware own.",
        "Scenario bench: the conversation customer-support, answers of up to 128 tokens, cache cold, seed 1.",
        "1 user: 5 rounds of 4 blocks of 26.4s, of which 4s are warm-up and count for nothing.",
        "8 users: 5 rounds of 4 blocks of 26.4s, of which 4s are warm-up and count for nothing.",
        "25 users: 5 rounds of 4 blocks of 26.4s, of which 4s are warm-up and count for nothing.",
        "Order of blocks by round: a b b a; b a a b; a b b a; …",
        "After a block, chats have 20s to end; then they are cut off.",
        "1 user, a: about 74 chats, 23,000 tokens of input and up to 9,500 of output",
        "1 user, b: about 74 chats, 23,000 tokens of input and up to 9,500 of output",
        "8 users, a: about 590 chats, 180,000 tokens of input and up to 76,000 of output",
        "8 users, b: about 590 chats, 180,000 tokens of input and up to 76,000 of output",
        "25 users, a: about 1,900 chats, 580,000 tokens of input and up to 240,000 of output",
        "25 users, b: about 1,900 chats, 580,000 tokens of input and up to 240,000 of output",
        "In all about 5,100 chats, 1,600,000 tokens of input and up to 650,000 of output, in about 30m. "
        "Before that, one chat with each target shows whether it can be had.",
        "Users chat as often as the engines let them: this takes 50 tokens a second for granted.",
    ]
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - in a coroutine, where reading a path would block as much


X = ("--target", "x=http://127.0.0.1:1", "--dry-run")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("quick", *X, "--users", "1,ten"), "1,ten is no number of users; write a whole number from 1 to 10000, or several, like 1,10,50"),
        (("quick", *X, "--users", "0"), "0 is no number of users"),
        (("quick", *X, "--users", "9" * 5000), "is no number of users; write a whole number from 1 to 10000"),
        (("quick", *X, "--rate", "5"), "5 is not a rate; write a number per s, m, h or d"),
        (("quick", *X, "--rate", "0/s"), "0/s is out of range; write a rate from 1/d to 1000/s"),
        (("quick", *X, "--users", "1", "--rate", "1/s"), "give --users or --rate, not both"),
        (("quick", *X, "--users", "5,5"), "the level 5 users is there twice; write it once, and more rounds"),
        (("quick", *X, "--duration", "20s"), "20s are too short for 1 level in 5 rounds with 1 target: that is 5 blocks; write a duration of "),
        (("quick", *X, "--targets", "y"), "y is no target; there are x"),
        (("quick", *X, "--targets", ""), " is no target; there are x"),
        (("quick", *X, "--slo", "fast"), "there is no SLO fast; there are instant: TTFT 200ms, TPOT 25ms (TTFT: what the authors of DistServe ask"),
        (("quick", *X, "--objective", "95%"), "has no SLO to ask for; give --slo NAME too"),
        (("quick", *X, "--slo", "instant", "--objective", "95"), "95 is not a percentage; write one with its sign, like 99% or 99.9%"),
        (("quick", *X, "--until", "ttft"), "'ttft' cannot be read; write MEASURE.QUANTILE:PERCENT, like ttft.p95:5%"),
        (("quick", "--target", "http://user:pass@x"), "holds a user or a password"),
        (("quick", *X, "--name", "../up"), "'../up' is not usable as a part of a folder's name; write it without /"),
        (("quick", *X, "--name", "latest"), "'latest' stands for the newest run; write another name"),
        (("quick", *X, "--name", ""), "'' is empty, or has spaces around it; write a name like nightly"),
        (("custom", "--config", "none.yaml"), "none.yaml"),
        (("run", "none.yaml"), "none.yaml: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_with_the_options(arguments: tuple[str, ...], words: str) -> None:
    code, output = said(*arguments)
    assert words in " ".join(output.split())
    assert code == 2


def test_that_a_run_is_too_short_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    asked_for_long = ("--target", "x=http://192.0.2.1:9", "--target", "y=http://192.0.2.2:9", "--duration", "20s")
    code, output = said("quick", *asked_for_long)
    assert (code, "20s are too short for 1 level in 5 rounds with 2 targets" in " ".join(output.split())) == (2, True)
    config = written(tmp_path, f"discovery: {{kubernetes: {{namespaces: [llm]}}}}\n{SCENARIO}bench: {{duration: 5s}}\n")
    code, output = said("run", config)
    assert (code, "5s are too short for 1 level in" in " ".join(output.split())) == (2, True)


async def test_what_only_some_engines_can_do_is_judged_once_they_have_answered(tmp_path: Path) -> None:
    config = written(tmp_path, "scenarios: {load: {users: 1, prompt: {text: Hello}, exact_length: true}}\nbench: {scenario: load}\n")
    async with simulated("vllm", FAST) as engine:
        code, output = await asyncio.to_thread(said, "run", config, "--target", engine.url, "--duration", "1s")
    assert "1s are too short" in " ".join(output.split()), output
    assert code == 2


def test_what_is_wrong_with_a_configuration_is_told_by_its_place(tmp_path: Path) -> None:
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}bench: {{round: 3}}\n")
    assert said("run", config) == (2, f"{config}:3:9: bench.round: is no key here; did you mean rounds?\n")


def test_a_configuration_is_laid_over_the_preset(tmp_path: Path) -> None:
    targets = "targets: {a: {backend: vllm, url: http://a}, b: {backend: tgi, url: http://b, model: m}}\n"
    config = written(tmp_path, f"{targets}{SCENARIO}bench: {{rounds: 3}}\n")
    code, output = said("quick", "--config", config, "--targets", "b*", "--seed", "7", "--dry-run")
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == "b: TGI, at http://b, m"
    assert lines[1] == "Scenario bench: prompts of short-question, answers of up to 4 tokens, cache cold, seed 7."
    assert lines[2].startswith("4 users: 3 rounds of 1 block of 1m39s, of which 14.8")


def test_a_given_target_joins_those_of_the_configuration(tmp_path: Path) -> None:
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}limits: {{tokens_per_hour: 1000}}\n")
    code, output = said("custom", "--config", config, "--target", "b=http://b", "--rate", "2/s,900/s", "--dry-run")
    assert code == 0
    assert output.startswith("a: vLLM, at http://a, the model that it has\nb: an engine that is asked what it is when the run begins, at http://b, ")
    assert "Each has its own hardware: all are measured at the same instants." in output
    assert "2/s: 5 rounds of 1 block" in output
    assert "limits.streams_per_target is 100; for this run it is 9000, so that its load fits." in output
    assert "limits.tokens_per_hour (1000) does not hold for a run, whose length bounds it." in output


def test_targets_that_files_say_are_there_too(tmp_path: Path) -> None:
    (tmp_path / "targets.yaml").write_text("targets: {found: {backend: tgi, url: http://found}}\n", encoding="utf-8")
    config = written(tmp_path, f"discovery: {{files: [targets.yaml, none.yaml]}}\n{SCENARIO}")
    code, output = said("quick", "--config", config, "--dry-run")
    assert code == 0
    assert output.startswith("found: TGI, at http://found, the model that it has\n")


def test_targets_that_are_missing() -> None:
    code, output = said("custom", "--config", os.devnull)
    assert code == 2
    assert "the file is empty" in output


def test_a_given_target_that_does_not_answer_is_no_run_that_missed_its_objective() -> None:
    code, output = said("quick", "--target", f"http://127.0.0.1:{free_port()}")
    assert code == 2
    assert output.startswith("Error: it cannot be told which engine answers at http://127.0.0.1:")


@pytest.mark.parametrize("preset", ["quick", "standard", "stress"])
def test_without_any_target_each_preset_says_how_to_give_one(preset: str, tmp_path: Path) -> None:
    config = written(tmp_path, "targets: {}\n")
    code, output = said(preset, "--config", config)
    assert code == 2
    assert "targets: is empty; add at least one" in output


@pytest.mark.parametrize(
    ("course", "options", "wrong"),
    [
        ("search: {slo: instant, most: 100}", ("--rounds", "3"), "--rounds: is not for a search"),
        ("search: {slo: instant, most: 100}", ("--until", "ttft.p95:5%"), "--until: is not for a search"),
        ("search: {slo: instant, most: 100}", ("--slo", "reading"), "--slo: is not for a search, which has its own; write bench.search.slo"),
        ("search: {slo: instant, most: 100}", ("--objective", "90%"), "--objective: is not for a search"),
        ("replay: {file: trace.jsonl}", ("--duration", "1m"), "--duration: is not for a replay"),
        ("levels: [{users: 2}]", ("--until", "ttft.p95:5%", "--rounds", "2"), "--until: looks after 3 rounds at the earliest; give --rounds 3"),
    ],
)
def test_options_that_would_change_nothing_are_refused(course: str, options: tuple[str, ...], wrong: str, tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text('{"timestamp": 0, "input_length": 1, "output_length": 1}\n')
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}bench: {{{course}}}\n")
    code, output = said("custom", "--config", config, *options, "--dry-run")
    assert code == 2
    assert wrong in output


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "missing", lambda extra: f"the extra {extra!r}, which is not installed; install chatprobe[{extra}]")
    code, output = said("quick", *X)
    assert (code, output) == (2, "Error: it needs the extra 'bench', which is not installed; install chatprobe[bench]\n")


async def test_an_engine_that_does_not_answer_is_no_run(tmp_path: Path) -> None:
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: 'http://127.0.0.1:{free_port()}'}}}}\n{SCENARIO}{SHORT}")
    code, out, err = await benched("run", config, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "a cannot be chatted with: its models cannot be listed" in err
    assert not (tmp_path / "results").exists()


def test_a_dry_run_says_what_a_good_chat_keeps_to_and_who_says_so(tmp_path: Path) -> None:
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}bench: {{slo: conversational}}\n")
    code, output = said("run", config, "--dry-run")
    assert code == 0
    told = "conversational: TTFT 2s, TPOT 200ms (MLPerf Inference, Llama 2 70B, Server scenario, since v4.0 (2024))"
    assert output.splitlines()[-1] == f"A good chat keeps to {told}."


def test_a_dry_run_of_a_search_says_how_many_levels_it_may_have(tmp_path: Path) -> None:
    search = "bench: {search: {slo: instant, most: 100, probes: 9}, duration: 10m}\n"
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}{search}")
    code, output = said("run", config, "--dry-run")
    assert code == 0
    assert "Levels follow from what is measured, 9 at most with each target, and none begins after 10m. Blocks are of 30s." in output


def test_a_dry_run_of_a_replay_counts_its_chats(tmp_path: Path) -> None:
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens", *(f"2023-11-16 18:17:{second:02}.0,100,10" for second in range(0, 60, 2)), ""]
    (tmp_path / "trace.csv").write_text("\n".join(lines), encoding="utf-8")
    replay = "bench: {replay: {file: trace.csv, speed: 2.0}, rounds: 3}\n"
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}{replay}")
    code, output = said("run", config, "--dry-run")
    assert code == 0
    assert "trace of 30 chats at 2 times its speed: 3 rounds of 1 block of 29.5s" in output
    assert "about 90 chats, 9,000 tokens of input and up to 900 of output" in output


def test_a_trace_that_is_none_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n", encoding="utf-8")
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}bench: {{replay: {{file: trace.csv}}}}\n")
    code, output = said("run", config, "--dry-run")
    assert code == 2
    assert f"{tmp_path / 'trace.csv'}:2: " in output


def test_a_sweep_of_a_configuration_takes_the_place_of_the_presets_levels(tmp_path: Path) -> None:
    config = written(tmp_path, f"targets: {{a: {{backend: vllm, url: http://a}}}}\n{SCENARIO}bench: {{sweep: {{users: [1, 3]}}}}\n")
    code, output = said("quick", "--config", config, "--dry-run")
    assert code == 0
    assert [line.partition(":")[0] for line in output.splitlines() if " rounds of " in line] == ["1 user", "3 users"]
    code, output = said("quick", "--config", config, "--dry-run", "--users", "7")
    assert [line.partition(":")[0] for line in output.splitlines() if " rounds of " in line] == ["7 users"]


def test_each_preset_has_its_command() -> None:
    assert set(PRESETS) == set(BENCH_PRESETS)


def test_the_group_names_its_commands() -> None:
    code, output = said("--help")
    assert code == 0
    assert [name for name in ("quick", "standard", "stress", "custom", "run") if f"  {name} " not in output] == []


FACTS = "bench: {facts: {'v*': {hardware: L4, engine.version: '1'}}}\n"


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("vllm:hardware", "vllm:hardware is no fact; write TARGET:FACT=TEXT with engine.version, engine.flags or hardware, like vllm:hardware=H100"),
        ("vllm:gpu=H100", "vllm:gpu is no fact; write TARGET:FACT=TEXT"),
        ("engine.flags=--api-key letmein", "engine.flags looks like a secret, and stands in results, which others may see; leave it out"),
        ("tgi:hardware=H100", "facts are said of tgi, which is no target of this run; there are vllm"),
    ],
)
def test_a_fact_that_cannot_be_kept_is_refused(written: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(SCENARIO + SHORT)
    arguments = ("run", str(tmp_path / "run.yaml"), "--target", "vllm=http://127.0.0.1:1", "--dry-run", "--fact", written)
    told = CliRunner().invoke(main, ["bench", *arguments])
    assert told.exit_code == 2
    assert error in " ".join(told.output.replace("│", " ").split())


def test_facts_of_the_command_line_are_laid_over_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(SCENARIO + FACTS)
    wanted = Wanted(
        preset=None, configs=(tmp_path / "run.yaml",), name="run", targets=(Given("vllm", "http://127.0.0.1:1"),), dry_run=True,
        facts=("vllm:hardware=8 × H100", "engine.flags=--enforce-eager"),
    )  # fmt: skip
    assert configuration(wanted).bench.facts_of("vllm") == {"hardware": "8 × H100", "engine.version": "1", "engine.flags": "--enforce-eager"}
