"""What a chat does to an Ollama's memory, over the wire. Words and rules are those of Ollama 0.33."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from simulator import Capacity, Latency, Library, Options, Simulator, simulated
from tests.simulator.raw import CHAT, ask, chat, events, ollama_chat, split
from tests.waiting import eventually

LIBRARY = Library(
    copies={"copy": "tiny"},
    derived={"derived": "tiny"},
    embedding=("words",),
    thinking=("other",),
    remote=("far:cloud",),
    trained_context_tokens=8192,
)
OPTIONS = Options(
    models=("tiny", "words", "copy", "derived", "other", "far:cloud"),
    library=LIBRARY,
    latency=Latency(decode_seconds=0.002, first_token_seconds=0.001, prefill_tokens_per_second=1e6),
    capacity=Capacity(context_tokens=4096),
    load_seconds=0.05,
)
LONG = [{"role": "user", "content": "hello " * 6000}]


@pytest.fixture
async def ollama() -> AsyncIterator[Simulator]:
    async with simulated("ollama", OPTIONS) as engine:
        yield engine


async def answered(engine: Simulator, path: str = "/api/chat", **body: object) -> tuple[int, dict[str, object]]:
    status, _, answer = split(await ask(engine.url, "POST", path, {"model": "tiny", **body}))
    return status, orjson.loads(answer)


async def loaded(engine: Simulator) -> list[dict[str, object]]:
    models = orjson.loads(split(await ask(engine.url, "GET", "/api/ps"))[2])["models"]
    assert isinstance(models, list)
    return models


def loads(engine: Simulator) -> int:
    return sum(truth.loading_ns is not None for truth in engine.truth.chats())


@pytest.mark.parametrize("name", ["tiny", "copy", "derived", "TINY", "library/tiny", "registry.ollama.ai/library/derived:latest"])
async def test_a_chat_under_any_name_of_the_blob_loads_nothing(ollama: Simulator, name: str) -> None:
    last = events(await ask(ollama.url, "POST", "/api/chat", ollama_chat(2) | {"model": name}))[-1]
    assert (last["model"], last["done_reason"]) == (name, "length")
    assert loads(ollama) == 0
    assert [(model["name"], model["context_length"]) for model in await loaded(ollama)] == [("tiny:latest", 4096)]


async def test_another_context_loads_anew_and_none_means_the_server_s(ollama: Simulator) -> None:
    await answered(ollama, keep_alive=-1)
    assert str((await loaded(ollama))[0]["expires_at"]).startswith("23")
    for context, found in ((4096, 4096), (2048, 2048), (2048, 2048), (None, 4096), (10**6, 8192), (2, 4)):
        await answered(ollama, "/api/chat", options={} if context is None else {"num_ctx": context})
        assert [model["context_length"] for model in await loaded(ollama)] == [found]
    assert loads(ollama) == 4
    assert not str((await loaded(ollama))[0]["expires_at"]).startswith("23")


async def test_a_load_is_thrown_away_with_its_client() -> None:
    async with simulated("ollama", Options(loaded=False, load_seconds=0.2)) as engine:
        given_up = asyncio.create_task(answered(engine))
        await eventually(lambda: loads(engine) == 1)
        given_up.cancel()
        await eventually(lambda: engine.truth.chats()[0].ended == "disconnected")
        assert await loaded(engine) == []
        assert (await answered(engine))[1]["done_reason"] == "load"
        assert [truth.loaded_ns is None for truth in engine.truth.chats()] == [True, False]


async def test_the_wait_for_a_slot_is_in_the_total_alone(ollama: Simulator) -> None:
    last = [events(answer)[-1] for answer in await asyncio.gather(*(ask(ollama.url, "POST", "/api/chat", ollama_chat(300)) for _ in range(2)))]
    waited = max(last, key=lambda one: int(str(one["total_duration"])))
    own = sum(int(str(waited[f"{name}_duration"])) for name in ("load", "prompt_eval", "eval"))
    assert int(str(waited["total_duration"])) - own > 59 * 2_000_000


async def test_each_runner_has_slots_of_its_own(ollama: Simulator) -> None:
    async def one(name: str, tokens: int) -> None:
        await ask(ollama.url, "POST", "/api/chat", ollama_chat(tokens) | {"model": name}, {"X-Request-Id": name})

    await answered(ollama, model="other")
    await asyncio.gather(one("tiny", 200), one("other", 2))
    tiny, other = (ollama.truth.chat(name) for name in ("tiny", "other"))
    assert tiny is not None
    assert other is not None
    assert other.writes[-1].before_ns < tiny.writes[-1].before_ns


async def test_prompts_that_are_too_long_are_cut_in_silence_or_refused(ollama: Simulator) -> None:
    short = {"num_predict": 1}
    for truncate in (None, True):
        assert (await answered(ollama, messages=LONG, stream=False, options=short, truncate=truncate))[1]["prompt_eval_count"] == 2050
    status, body = await answered(ollama, messages=LONG, options=short, truncate=False)
    error = orjson.loads(str(body["error"]))["error"]
    assert (status, error["type"], error["n_ctx"]) == (400, "exceed_context_size_error", 4096)
    assert error["n_prompt_tokens"] > 6000
    assert (await answered(ollama, messages=LONG, stream=False, options=short | {"num_ctx": 8192}))[1]["prompt_eval_count"] == error[
        "n_prompt_tokens"
    ]


async def test_of_many_messages_the_first_go_and_the_system_s_stays(ollama: Simulator) -> None:
    kept = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why"}]
    whole = (await answered(ollama, messages=kept, stream=False, options={"num_predict": 1}))[1]["prompt_eval_count"]
    found = (await answered(ollama, messages=[kept[0], *LONG, kept[1]], stream=False, options={"num_predict": 1}))[1]["prompt_eval_count"]
    assert found == whole


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "words"}, 400, '"words" does not support chat'),
        ("/api/generate", {"model": "words"}, 400, '"words" does not support generate'),
        ("/api/chat", {"think": True}, 400, '"tiny" does not support thinking'),
        ("/api/chat", {"model": "far:cloud"}, 403, "ollama cloud is disabled: remote model is unavailable"),
        ("/api/chat", {"options": {"num_ctx": "a"}}, 500, 'option "num_ctx" must be of type integer'),
        ("/api/show", {"model": "nope"}, 404, "model 'nope:latest' not found"),
        ("/api/show", {"model": ""}, 400, "model is required"),
    ],
)
async def test_refusals_load_nothing(ollama: Simulator, path: str, body: dict[str, object], status: int, error: str) -> None:
    assert await answered(ollama, path, **body) == (status, {"error": error})
    assert loads(ollama) == 0


async def test_openai_style_takes_the_server_s_context_and_no_empty_chat(ollama: Simulator) -> None:
    status, body = await answered(ollama, CHAT, messages=[])
    assert (status, body["error"]) == (
        400,
        {"message": "[] is too short - 'messages'", "type": "invalid_request_error", "param": None, "code": None},
    )
    await answered(ollama, options={"num_ctx": 2048})
    await ask(ollama.url, "POST", CHAT, chat(2, options={"num_ctx": 2048}))
    assert [model["context_length"] for model in await loaded(ollama)] == [4096]


async def test_a_model_that_thinks_may_be_asked_to(ollama: Simulator) -> None:
    assert (await answered(ollama, model="other", think=True, messages=[]))[1]["done_reason"] == "load"


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_an_empty_request_without_keep_alive_unloads(ollama: Simulator, path: str) -> None:
    assert (await answered(ollama, path, model="copy", keep_alive=0))[1]["done_reason"] == "unload"
    assert await loaded(ollama) == []


async def test_a_load_can_fail_in_the_words_of_its_runner(ollama: Simulator) -> None:
    ollama.faults.add("load-failure")
    assert (await answered(ollama))[0] == 200
    status, body = await answered(ollama, model="other")
    assert (status, body) == (
        500,
        {"error": "llama-server process has terminated: exit status 1: error loading model: unable to allocate CPU buffer"},
    )


async def test_tags_and_show_tell_which_names_are_of_one_blob(ollama: Simulator) -> None:
    models = orjson.loads(split(await ask(ollama.url, "GET", "/api/tags"))[2])["models"]
    tags = {model["name"]: model for model in models}
    digests = {name: model["digest"] for name, model in tags.items()}
    assert digests["tiny:latest"] == digests["copy:latest"] == (await loaded(ollama))[0]["digest"]
    assert len(set(digests.values())) == len(digests) - 1
    assert [tags[name]["capabilities"] for name in ("words:latest", "other:latest")] == [["embedding"], ["completion", "thinking"]]
    assert (tags["far:cloud"]["remote_model"], tags["far:cloud"]["remote_host"]) == ("far", "https://ollama.com:443")
    assert tags["derived:latest"]["details"]["parent_model"] == "tiny:latest"
    made_of = {name: [line for line in await modelfile(ollama, name) if line.startswith("FROM")] for name in ("tiny", "derived", "other")}
    assert made_of["tiny"] == made_of["derived"] != made_of["other"]
    assert "/blobs/sha256-" in made_of["tiny"][0]


async def modelfile(engine: Simulator, name: str) -> list[str]:
    return str((await answered(engine, "/api/show", model=name))[1]["modelfile"]).splitlines()


def test_a_library_speaks_of_the_models_that_there_are() -> None:
    with pytest.raises(ValueError, match="no such model: copy; the models are tiny"):
        Options(library=Library(copies={"copy": "tiny"}))
