"""`chatprobe probe` as a person and as a script use it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from probes.ask import Endpoint
from probes.backends import BACKENDS
from simulator import ENGINES, Latency, Options, simulated
from tests.answers import FINISH, NDJSON, stream, token, whole
from tests.servers import Peer, Script, Server, closed_port, serving
from tests.waiting import PATIENCE_SECONDS, eventually

FAST = Latency(decode_seconds=0.002, first_token_seconds=0.002)


async def chatprobe(*arguments: str) -> tuple[int, str, str]:
    """Run the command as a process; gives its exit code and what it wrote to standard output and error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "probe", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80"},
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(("engine", "title", "path"), [(name, BACKENDS[name].title, BACKENDS[name].recognised_at) for name in ENGINES])
async def test_without_a_backend_the_engine_is_asked(engine: str, title: str, path: str) -> None:
    async with simulated(engine, Options(latency=FAST)) as one:
        code, out, err = await chatprobe(f"{one.url}/v1", "--max-tokens", "5", "--output", "json")
    assert code == 0
    assert json.loads(out)["backend"] == engine
    assert f"At {one.url} answers {title}, by its {path}." in err
    assert err.startswith("URL: ends in /v1, which chatprobe adds itself")


@pytest.mark.parametrize("engine", ["tgi", "sglang", "llamacpp"])
async def test_a_name_that_the_engine_ignores_is_not_measured(engine: str) -> None:
    async with simulated(engine, Options(latency=FAST)) as one:
        code, out, err = await chatprobe(one.url, "--backend", engine, "--model", "made-up", "--max-tokens", "5", "--output", "json")
    assert (code, json.loads(out)["model"]) == (0, "tiny")
    assert f"{BACKENDS[engine].title} does not have made-up, and answers by tiny" in err


async def test_an_adapter_is_measured_by_its_name() -> None:
    async with simulated("tgi", Options(latency=FAST)) as one:
        code, out, _ = await chatprobe(one.url, "--backend", "tgi", "--adapter", "some/adapter", "--max-tokens", "5", "--output", "json")
    assert (code, json.loads(out)["model"]) == (0, "some/adapter")


async def test_nobody_can_tell_which_engine() -> None:
    code, _, err = await chatprobe(f"http://127.0.0.1:{closed_port()}")
    assert code == 1
    assert "it cannot be told which engine answers" in err
    assert "as nobody does (/v1/models: Connection refused); check host and port" in err
    assert "--backend" not in err


async def test_a_server_of_no_known_kind_is_to_be_named() -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(whole(404, b""))

    with serving(script) as server:
        code, _, err = await chatprobe(server.url)
    assert code == 1
    assert "status 404); name it with --backend" in err


async def test_requests_as_their_server_wants_them() -> None:
    """A server that has its API elsewhere, wants a key in the query, and refuses fields."""

    def script(peer: Peer) -> None:
        request = peer.request()
        head, _, body = request.partition(b"\r\n\r\n")
        if request.startswith(b"GET /v3/models?key=canary "):
            peer.send(whole(200, b'["tiny"]'))
        elif head.startswith(b"POST /v3/chat/completions?key=canary ") and "seed" not in (sent := json.loads(body)):
            assert (sent["max_completion_tokens"], sent["top_p"]) == (64, 1)
            peer.send(stream(token("Hi"), FINISH))
        else:
            peer.send(whole(422, b'{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted: canary"}]}'))

    with serving(script) as server:
        options = ("--chat-path", "/chat/completions", "--query", "key=canary", "--max-tokens-field", "max_completion_tokens")
        arguments = (f"{server.url}/v3", *options, "--extra-body", '{"top_p": 1}')
        code, out, err = await chatprobe(*arguments)
        assert (code, "seed (answers to one prompt may differ more)" in " ".join(out.split())) == (0, True), out + err
        asked = len(server.requests)
        code, out, err = await chatprobe(*arguments, "--omit", "seed", "--backend", "openai", "--count", "2")
        assert (code, "left out" in out) == (0, False), out + err
        code, out, err = await chatprobe(*arguments, "--backend", "openai", "--count", "2")
        assert (code, "left out, as the server refuses it: seed" in out) == (0, True), out + err
    assert asked > 3
    assert "canary" not in out + err


@pytest.mark.parametrize(
    ("ps", "message"),
    [(whole(200, b'{"models":[]}'), "Ollama has not loaded Tiny:1B"), (whole(403, b""), "Ollama does not tell whether it has loaded Tiny:1B")],
    ids=["not loaded", "not told"],
)
async def test_a_model_by_another_name_of_its_own_is_not_loaded_without_leave(ps: bytes, message: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.send(ps if b" /api/ps " in peer.request() else whole(200, b'{"models":[{"name":"tiny:1b"}]}'))

    with serving(script) as server:
        code, _, err = await chatprobe(server.url, "--backend", "ollama", "--model", "Tiny:1B")
    assert (code, message in err) == (1, True)
    assert not any(request.startswith(b"POST") for request in server.requests)


async def test_an_engine_that_is_named_and_is_another_is_told_from_one_that_loads() -> None:
    async with simulated("llamacpp", Options(latency=FAST)) as one:
        code, _, err = await chatprobe(one.url, "--backend", "ollama", "--model", "tiny")
    assert code == 1
    assert "--load-model allows it; or another engine answers there: leave --backend out, and it is asked" in err


def ollama(contexts: Iterator[int | None], load_seconds: float = 0.001, *, chats: bool = True) -> Script:
    """An Ollama in which `/api/ps` tells the next of these contexts each time; None: the model is not in memory."""
    last = {"message": {}, "done": True, "done_reason": "stop", "eval_count": 1, "load_duration": round(load_seconds * 1e9)}

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            if b" /api/chat " in request:
                peer.send(whole(200, b'{"message":{"content":"hi"},"done":false}\n' + json.dumps(last).encode() + b"\n", NDJSON))
            elif b" /api/ps " in request:
                context = next(contexts)
                loaded = [] if context is None else [{"name": "tiny:latest", "context_length": context}]
                peer.send(whole(200, json.dumps({"models": loaded}).encode()))
            elif b" /api/version " in request:
                peer.send(whole(200, b'{"version":"0.33.0"}'))
            else:
                peer.send(whole(200, b'{"models":[{"name":"other:latest"},{"name":"tiny:latest"}]}'))

    return script


def sent_contexts(server: Server) -> list[object]:
    bodies = (json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests if b" /api/chat " in request)
    return [body["options"].get("num_ctx") for body in bodies]


async def test_each_chat_has_the_context_of_the_model_in_memory() -> None:
    with serving(ollama(iter([2048, 0, 2048, 8192, 0, None]))) as server:
        code, out, err = await chatprobe(server.url, "--backend", "ollama", "--count", "4")
    assert sent_contexts(server) == [2048, 8192, None]
    assert (code, "3 chats: 3 ok" in out, "Ollama has not loaded tiny:latest" in err) == (1, True, True)
    assert err.count("does not tell the context") == 1


async def test_a_chat_that_loads_the_model_is_the_last() -> None:
    with serving(ollama(iter([2048] * 9), load_seconds=0.3)) as server:
        code, out, err = await chatprobe(server.url, "--backend", "ollama", "--model", "tiny", "--count", "3")
        assert (code, "2 more chats are not sent" in err, len(sent_contexts(server))) == (1, True, 1)
        code, out, err = await chatprobe(server.url, "--backend", "ollama", "--model", "tiny")
        assert (code, "loaded: for 0.30 s the engine loaded the model" in out, "nobody allowed it" in out) == (0, True, True)
        code, out, err = await chatprobe(server.url, "--backend", "ollama", "--model", "tiny", "--count", "3", "--load-model")
        assert (code, "3 of 3 chats" in out, "nobody allowed it" in out) == (0, True, False)


async def test_nobody_answers_and_nothing_is_posted() -> None:
    def script(peer: Peer) -> None:
        peer.request()

    with serving(script) as server:
        code, out, err = await chatprobe(server.url, "--backend", "ollama", "--model", "tiny", "--output", "json")
    assert (code, json.loads(out)["reason"]) == (1, "truncated"), err
    assert not any(request.startswith(b"POST") for request in server.requests)


async def test_ollama_behind_the_generic_form_is_told() -> None:
    with serving(ollama(iter([2048] * 9))) as server:
        _, _, err = await chatprobe(server.url, "--backend", "openai", "--model", "tiny")
    assert "Ollama answers there." in err
    assert "--backend ollama keeps it from that." in err


@pytest.mark.parametrize("engine", ENGINES)
async def test_one_chat_is_a_waterfall_that_fits_a_terminal(engine: str) -> None:
    async with simulated(engine, Options(latency=FAST)) as one:
        code, out, err = await chatprobe(one.url, "--backend", engine, "--max-tokens", "5")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"ok  {engine} at {one.url}, model tiny")
    phases = lines[4:10]
    assert [line.split()[0] for line in phases] == ["resolve", "connect", "tls", "send", "wait", "stream"]
    assert {len(line) for line in phases} == {80}
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in out
    for measure in ("TTFT", "ITL     p50", "TPOT", "E2E", "tokens  5 out in", "clock   kernel"):
        assert f"\n  {measure}" in out


async def test_a_vllm_with_per_request_metrics_shows_its_own_times() -> None:
    async with simulated("vllm", Options(latency=Latency(first_token_seconds=0.05), per_request_metrics=True)) as one:
        code, out, _ = await chatprobe(one.url, "--backend", "vllm", "--max-tokens", "3")
    assert code == 0
    lines = out.splitlines()[4:13]
    assert [" ".join(line.split()[:2]) for line in lines[6:]] == ["server queue", "server prefill", "server decode"]
    assert {len(line) for line in lines} == {80}


async def test_json_is_a_record_a_line_and_nothing_else() -> None:
    async with simulated("vllm", Options(latency=FAST)) as one:
        code, out, err = await chatprobe(
            *(one.url, "--backend", "vllm", "--output", "json", "--count", "6", "--concurrency", "3", "--max-tokens", "4", "--text")
        )
    assert (code, err) == (0, "")
    records = [json.loads(line) for line in out.splitlines()]
    assert [each["outcome"] for each in records] == ["ok"] * 6
    assert {sum(tokens for _, tokens in each["chunks"]) for each in records} == {4}
    assert all(each["text"] for each in records)
    assert {each["model"] for each in records} == {"tiny"}
    assert len({each["request_id"] for each in records}) == 6


async def test_as_many_chats_at_once_as_asked_for() -> None:
    async with simulated("vllm", Options(latency=FAST)) as one:
        code, out, _ = await chatprobe(
            *(one.url, "--backend", "vllm", "--count", "9", "--concurrency", "3", "--output", "json", "--no-chunks", "--max-tokens", "50")
        )
    assert code == 0
    records = [json.loads(line) for line in out.splitlines()]
    assert len(records) == 9
    starts = [datetime.fromisoformat(each["started_at"]).timestamp() for each in records]
    spans = [(start, start + each["e2e_seconds"]) for start, each in zip(starts, records, strict=True)]
    assert max(sum(begin <= start < end for begin, end in spans) for start in starts) == 3


async def test_several_chats_end_in_a_table_and_a_failure_in_the_exit_code() -> None:
    async with simulated("tgi", Options(latency=FAST)) as one:
        one.faults.add("truncate:1")
        code, out, _ = await chatprobe(one.url, "--backend", "tgi", "--count", "3", "--max-tokens", "8")
    assert code == 1
    assert "3 chats: 3 failed" in out
    assert "TTFT ms" in out
    assert "3 of 3 chats\nfailed: truncated: " in out
    assert max(map(len, out.splitlines())) <= 80


async def test_a_dead_engine_is_a_record_of_a_failure() -> None:
    code, out, err = await chatprobe("http://127.0.0.1:9", "--backend", "vllm", "--output", "json")
    assert code == 1
    assert json.loads(out)["reason"] == "connect"
    assert "models cannot be listed" in err


@pytest.mark.parametrize(("count", "listed"), [(1, "The engine lists m0."), (14, ", m10, m11, and 2 more.")])
async def test_of_a_missing_model_is_said_which_there_are(count: int, listed: str) -> None:
    async with simulated("vllm", Options(latency=FAST, models=tuple(f"m{number}" for number in range(count)))) as one:
        code, out, err = await chatprobe(one.url, "--backend", "vllm", "--output", "json", "--model", "other")
    assert (code, json.loads(out)["reason"]) == (1, "model_missing")
    assert listed in err


async def test_ollama_loads_a_model_only_where_that_is_allowed() -> None:
    async with simulated("ollama", Options(latency=FAST, loaded=False, load_seconds=0.05)) as one:
        code, out, err = await chatprobe(one.url, "--backend", "ollama", "--output", "json")
        assert (code, out) == (1, "")
        assert "Ollama has not loaded tiny" in err
        code, out, _ = await chatprobe(one.url, "--backend", "ollama", "--output", "json", "--load-model", "--max-tokens", "3")
        assert (code, json.loads(out)["outcome"]) == (0, "ok")
        code, out, _ = await chatprobe(one.url, "--backend", "ollama", "--output", "json", "--model", "other")
        assert (code, json.loads(out)["reason"]) == (1, "model_missing")


async def test_a_model_is_loaded_before_the_chats_whatever_these_wait() -> None:
    two = ("--load-model", "--max-tokens", "2", "--count", "2", "--concurrency", "2")
    async with simulated("ollama", Options(latency=FAST, loaded=False, load_seconds=0.5)) as one:
        code, _, err = await chatprobe(one.url, "--backend", "ollama", *two)
        first, *chats = one.truth.chats()
    assert (first.prompt_tokens, first.loading_ns is None, [truth.loading_ns for truth in chats]) == (0, False, [None, None])
    assert (code, "Ollama loads tiny:latest …" in err, "Ollama has loaded tiny:latest in " in err) == (0, True, True)


@pytest.mark.parametrize(
    ("options", "patience", "message"),
    [
        (Options(loaded=False, load_seconds=0.01, faults=("load-failure",)), "1m", "Ollama has not loaded tiny:latest: llama-server process has"),
        (Options(loaded=False, load_seconds=60), "200ms", "Ollama has not loaded tiny:latest: not in memory after 0.2 s; --load-timeout allows more"),
    ],
)
async def test_a_load_that_fails_says_why_and_no_chat_is_sent(options: Options, patience: str, message: str) -> None:
    async with simulated("ollama", options) as one:
        code, out, err = await chatprobe(one.url, "--backend", "ollama", "--load-model", "--load-timeout", patience)
        assert [truth.prompt_tokens for truth in one.truth.chats()] == [0]
    assert (code, out, message in err) == (1, "", True), err


async def test_a_key_and_headers_go_along_and_are_not_shown(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("canary\n")
    async with simulated("vllm", Options(latency=FAST, api_key="canary")) as one:
        refused = await chatprobe(one.url, "--backend", "vllm", "--model", "tiny")
        assert refused[0] == 1
        assert "failed: auth" in refused[1]
        code, out, err = await chatprobe(
            one.url, "--backend", "vllm", "--api-key-file", str(key), "--header", "X-Sim-Fault: tokens-per-chunk:3", "--output", "json"
        )
        assert code == 0
        assert max(tokens for _, tokens in json.loads(out)["chunks"]) > 1
    assert "canary" not in out + err


async def test_an_interrupt_ends_it_with_what_there_is() -> None:
    slow = Latency(decode_seconds=0.5)
    async with simulated("vllm", Options(latency=slow)) as one:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "probe", one.url, "--backend", "vllm", "--count", "5", "--output", "json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await eventually(lambda: bool(one.truth.chats()))
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert (process.returncode, err) == (130, b"")
    (line,) = out.splitlines()
    assert json.loads(line)["outcome"] == "cancelled"


async def test_a_server_without_tls_is_asked_for_by_http() -> None:
    async with simulated("vllm") as one:
        code, _, err = await chatprobe(one.url.replace("http:", "https:"))
    assert code == 1
    assert err.endswith("; no TLS is spoken there: write http:// in place of https://\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "URL: is not a URL of an engine"),
        (["http://127.0.0.1:1/v3/chat/completions"], "URL: ends in another path of chats"),
        (["http://127.0.0.1:1", "--omit", "sed"], "--omit: is no field that chats with vLLM have; did you mean seed?"),
        (["http://127.0.0.1:1", "--extra-body", "{"], "--extra-body: is no JSON"),
        (["http://127.0.0.1:1", "--extra-body", "[]"], "--extra-body: is no JSON object"),
        (["http://127.0.0.1:1", "--extra-body", '{"stream": false}'], "--extra-body: is for chatprobe to say"),
        (["http://127.0.0.1:1", "--max-tokens-field", "seed"], "--max-tokens-field: is the name of another field"),
        (["http://127.0.0.1:1", "--chat-path", "chat"], "--chat-path: is no path of a URL"),
        (["http://127.0.0.1:1", "--query", "key"], "--query: has no name and value"),
        (["http://127.0.0.1:1", "--query", "key=\udcff"], "--query: has the control character U+DCFF"),
        (["http://127.0.0.1:1", "--model", "\udcff"], "--model: has the control character U+DCFF"),
        (["http://127.0.0.1:1", "--prompt", "\udcff"], "--prompt: a prompt is UTF-8"),
        (["https://127.0.0.1:1", "--ca-file", __file__], "--ca-file: holds no certificate that can be read; name a PEM file"),
        (["http://127.0.0.1:1", "--insecure"], "--insecure: has no effect without TLS"),
        (["http://127.0.0.1:1", "--model", "ti\x1bny"], "--model: has the control character U+001B; write it without"),
        (["http://127.0.0.1:1", "--model", ""], "--model: is empty; write something, or leave it out"),
        (["http://127.0.0.1:1", "--adapter", "a\nb"], "--adapter: has the control character U+000A; write it without"),
        (["http://127.0.0.1:1", "--omit", "se\u0085ed"], "--omit: has the control character U+0085; write it without"),
        (["http://127.0.0.1:1", "--max-tokens-field", "a\tb"], "--max-tokens-field: has the control character U+0009; write it without"),
        (["http://127.0.0.1:1", "--query", "a\rb=c"], "--query: has the control character U+000D; write it without"),
        (["http://127.0.0.1:1", "--extra-body", '{"a\\u0000": 1}'], "--extra-body: has the control character U+0000; write it without"),
        (["http://127.0.0.1:1", "--api", "generate"], "--api: generate is TGI's own API"),
        (["http://127.0.0.1:1", "--load-model"], "--load-model: is for Ollama"),
        (["http://127.0.0.1:1", "--load-timeout", "1m"], "--load-timeout: is for --load-model"),
        (["http://127.0.0.1:1", "--prompt", "a", "--input-tokens", "3"], "give one of --prompt, --prompt-set and --input-tokens"),
        (["http://127.0.0.1:1", "--prompt", " "], "--prompt: a prompt is not empty"),
        (["http://127.0.0.1:1", "--prompt-set", "jokes"], "--prompt-set: there is no prompt set jokes; there are casual, code-review, creative"),
        (["http://127.0.0.1:1", "--header", "X"], "--header: has no colon"),
        (["http://127.0.0.1:1", "--header", "Host: a"], "--header: is a header that chatprobe sets itself"),
        (["http://127.0.0.1:1", "--api-key-file", "/nonexistent/key"], "--api-key-file: /nonexistent/key: No such file"),
        (["http://127.0.0.1:1", "--timeout", "5"], "'--timeout': is not a duration"),
        (["http://127.0.0.1:1", "--no-chunks"], "--no-chunks: is for --output json"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["probe", "--backend", "vllm", *arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_secrets_do_not_show() -> None:
    assert "canary" not in repr(Endpoint("vllm", "vllm", "http://127.0.0.1:1", api_key="canary", headers={"X": "canary"}))
