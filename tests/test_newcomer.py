"""An engine is one file and one line: one that is made up here is configured, probed, discovered, relayed and unified, and no other file knows it."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace

import aiohttp
import click
import pytest
import pytest_asyncio
from click.testing import CliRunner

from catalogue import own, unified
from config.endings import without_ending
from config.problems import ConfigError
from config.reader import Loaded, parse
from config.secrets import Secrets
from discovery.kubernetes.asking import Found, ask, matched
from exporter.exporting import Running, exporting
from probes import backends
from probes.ask import Ask, Endpoint, Message
from probes.control import Control, ControlError
from probes.guard import Guard
from probes.loading import Memory, Place, place
from probes.probing import Prober
from tests.cluster import objects
from tests.discovery.kubernetes.seeing import only
from tests.engine_lists import filled
from tests.exporter.scrape import Scrape, read
from tests.newcomer import Cage, Dormouse, Parrot, cage
from tests.waiting import PATIENCE_SECONDS

QUESTION = Ask(model="Polly", messages=(Message("user", "Who is pretty?"),), max_tokens=5, prompt_id="pretty")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line: where more general engines would answer as they do too, in front of those."""
    newcomers = {backend.name: backend for backend in (Parrot(), Dormouse())}
    monkeypatch.setattr(backends, "BACKENDS", newcomers | backends.BACKENDS)


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Cage]:
    async with cage() as one:
        yield one


def configured(backend: str, more: str = "", scenario: str = "every: 15s", url: str = "http://bird", native: str = "{}") -> Loaded:
    return parse(
        f"web: {{listen: '127.0.0.1:0'}}\ntargets: {{bird: {{backend: {backend}, url: '{url}'{more}}}}}\n"
        f"scenarios: {{beat: {{{scenario}}}}}\nnative: {native}\n"
    )


def problem(*args: str) -> str:
    with pytest.raises(ConfigError) as raised:
        configured(*args)
    (found,) = raised.value.problems
    return found.text


def test_it_is_configured() -> None:
    parrot = configured("parrot", scenario="every: 15s, exact_length: true").config.targets["bird"]
    assert parrot.metrics is not None
    assert parrot.metrics.path == "/feathers"
    assert configured("dormouse", ", load_model: true").config.targets["bird"].tells_of_itself


def test_what_does_not_fit_it_is_refused_by_its_name() -> None:
    words = problem("penguin")
    assert words == filled("is no value of this key; write {backends}")
    assert "write parrot, dormouse, " in words
    assert problem("parrot", ", load_model: true") == "is for Dormouse and Ollama, the only engines that load models on demand; leave it out"
    assert problem("dormouse", ", metrics: {path: /x}") == (
        filled("is for {metrics}: Dormouse has no page of metrics, and is asked at /awake; leave it out, or write false")
    )
    assert problem("parrot", ", api: generate") == "is TGI's own API, and this is no TGI; leave it out, or write api: chat"
    assert filled("is possible with {exact} only") in problem("tgi", "", "every: 15s, exact_length: true")
    assert without_ending("http://bird/talk", "parrot") == ("http://bird", "/talk")
    assert without_ending("http://bird/feathers", "parrot") == ("http://bird", "/feathers")


def test_that_it_is_kept_in_memory_by_chats_is_told() -> None:
    (warning,) = configured("dormouse", scenario="every: 15s").warnings
    assert warning.text == "more often than Dormouse's keep-alive of 1m pins the model in memory (bird); write 1m12s or more if it should be let go"


async def test_it_is_probed(engine: Cage) -> None:
    async with Prober() as prober:
        record = await prober.chat(Endpoint("bird", "parrot", engine.url), QUESTION, scenario="beat")
    assert (record.outcome, record.text, record.output_tokens, record.finish_reason) == ("ok", "prettypollypolly", 3, "enough")
    assert len(record.chunks) == 3
    assert engine.heard == [{"bird": "Polly", "hears": "Who is pretty?", "at_most": 5}]


async def test_it_is_asked_what_it_is(engine: Cage) -> None:
    parrot, dormouse = (Endpoint("bird", backend, engine.url) for backend in ("parrot", "dormouse"))
    async with Control() as control:
        assert await control.models(parrot) == ("Polly", "Coco")
        assert await control.version(parrot) == "12 bars"
        assert await control.longest_chat(parrot, "Polly") == 640
        await control.health(parrot)
        assert await place(control, parrot, "Polly") == Place(Memory.ALWAYS)
        assert [(await place(control, dormouse, model)).memory for model in ("Polly", "COCO", "Kea")] == [
            Memory.UNLOADED,
            Memory.LOADED,
            Memory.ABSENT,
        ]
        engine.answers["/cage"] = "{}"
        with pytest.raises(ControlError, match="/cage: has no bars"):
            await control.version(parrot)


def test_the_command_probes_it(command: click.Command) -> None:
    with in_a_thread(cage()) as engine:
        said = CliRunner().invoke(command, [engine.url, "--backend", "parrot", "--text"])
        assert (said.exit_code, said.output.count("prettypollypolly")) == (0, 1), said.output
        refused = CliRunner().invoke(command, [engine.url, "--backend", "dormouse", "--model", "polly"])
        assert "Dormouse has not loaded polly, and loading it would change what others see; --load-model allows it" in refused.output
        assert len(engine.heard) == 1


@pytest.fixture
def command() -> Iterator[click.Command]:
    """`chatprobe probe`, which reads the registry when it is loaded."""
    module = importlib.import_module("cli.probe")
    yield importlib.reload(module).command
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "BACKENDS", {name: one for name, one in backends.BACKENDS.items() if not isinstance(one, Parrot)})
        importlib.reload(module)


@contextmanager
def in_a_thread(serving: AbstractAsyncContextManager[Cage]) -> Iterator[Cage]:
    """For a command that has an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(PATIENCE_SECONDS)
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(PATIENCE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("label", ["parrot", "macaw"])
def test_it_is_discovered_by_labels(label: str) -> None:
    assert only(objects.service("one", app=label)).backend == "parrot"


def test_its_port_is_found_among_others() -> None:
    ports = [{"name": name, "port": port, "protocol": "TCP"} for name, port in (("first", 3000), ("second", 4711))]
    found = objects.service("one", app="parrot")
    found["spec"]["ports"] = ports
    assert only(found).way.url == "http://one.vllm-benchmark.svc.cluster.local:4711"


@pytest.mark.parametrize("runtime", ["big-parrot-runtime", "kserve-Macaw"])
def test_it_is_discovered_by_the_runtime_that_serves_it(runtime: str) -> None:
    found = objects.inference_service("one", runtime=runtime)
    found["metadata"]["labels"] = {"app": "birds"}
    assert only(found).backend == "parrot"


def test_it_is_discovered_by_the_image_that_serves_it() -> None:
    found = objects.inference_service("one")
    found["metadata"]["labels"] = {"app": "birds"}
    found["spec"] = {"predictor": {"containers": [{"image": "vllm.example.com/birds/macaw:1.2"}]}}
    assert only(found).backend == "parrot"


async def test_it_is_discovered_by_its_answers(engine: Cage) -> None:
    found = only(objects.service("one", app="chat"))
    candidate = replace(found, backend=None, way=replace(found.way, url=engine.url, fallback_url=None))
    async with Control() as control:
        config = parse("discovery: {kubernetes: {namespaces: [birds]}}\nscenarios: {beat: {every: 15s}}\n").config
        outcome = await ask(candidate, matched(candidate, config), Secrets(), control, Guard(loopback=True))
    assert isinstance(outcome, Found)
    assert (outcome.backend, outcome.url) == ("parrot", engine.url)


async def test_it_is_relayed_and_unified(engine: Cage) -> None:
    config = configured("parrot", scenario="every: 1s", url=engine.url, native="{interval: 1s}").config
    async with exporting(config, grace_seconds=1) as running:
        seen = await until(running, own.PROBE_SUCCESS.name)
    labels = {"target": "bird", "backend": "parrot"}
    assert seen.one("parrot_talks", **labels, cage="a") == 2
    assert seen.one("parrot_first_word_seconds_count", **labels) == 3
    assert "vllm:num_requests_running" not in seen.names
    named = {**labels, "model": "Polly"}
    assert seen.one(unified.REQUESTS_RUNNING.name, **named) == 3
    assert seen.one(unified.REQUESTS_WAITING.name, **named) == 4
    assert seen.one(unified.GENERATION_TOKENS.name, **named) == 70
    assert seen.one(unified.TTFT.bucket, **named, le="0.5") == 2
    assert seen.one(own.PROBE_SUCCESS.name, **named, scenario="beat") == 1
    assert seen.value(own.TARGET_INFO.name, backend_version="12 bars", served_model="Polly") == 1


async def test_what_it_has_in_memory_is_unified_and_nothing_else_is_loaded(engine: Cage) -> None:
    config = configured("dormouse", ", model: polly", "every: 1s", engine.url, "{interval: 1s}").config
    async with exporting(config, grace_seconds=1) as running:
        seen = await until(running, own.MODEL_LOADED.name)
    assert seen.one(unified.MODEL_MEMORY.name, target="bird", backend="dormouse", model="Coco") == 7
    assert seen.one(own.MODEL_LOADED.name, target="bird", backend="dormouse", model="polly") == 0
    assert engine.heard == []


async def test_its_names_are_compared_as_it_compares_them(engine: Cage) -> None:
    config = configured("dormouse", ", model: coco", "every: 1s", engine.url, "{interval: 1s}").config
    async with exporting(config, grace_seconds=1) as running:
        seen = await until(running, own.PROBE_SUCCESS.name)
    assert [held["model"] for held in seen.labels(unified.MODEL_MEMORY.name)] == ["coco"]
    assert seen.value(own.MODEL_LOADED.name, model="coco") == 1
    assert seen.value(own.TARGET_INFO.name, served_model="Coco") == 1


async def until(running: Running, name: str) -> Scrape:
    """What is served once the target has such a series, and its own metrics were read."""
    async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://{running.address}/metrics") as response:
                found = read(await response.read())
            if found.labels(name) and {found.value(own.NATIVE_UP.name, **labels) for labels in found.labels(own.NATIVE_UP.name)} == {1}:
                return found
            await asyncio.sleep(0.1)
