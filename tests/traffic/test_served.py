from __future__ import annotations

import asyncio

import pytest
import structlog

from probes.ask import UNKNOWN_MODEL, Endpoint
from tests.traffic.fakes import FakeClock, FakeControl, Heard, settle
from traffic.events import Facts
from traffic.served import Served


def served(control: FakeControl, heard: Heard, clock: FakeClock | None = None, *, model: str | None = None, backend: str = "vllm") -> Served:
    return Served(Endpoint("engine", backend, "http://engine:8000", model), control, clock or FakeClock(), heard)


async def test_a_configured_model_is_asked_for_without_waiting() -> None:
    control, heard = FakeControl(listed=("served-name",)), Heard()
    one = served(control, heard, model="configured")
    assert await one.model() == "configured"
    assert control.questions == []
    await settle()
    assert one.facts == Facts("engine", "configured", served_model="served-name", backend_version="1.0", max_model_len=4096)
    assert heard.events[-1] == one.facts


@pytest.mark.parametrize(
    ("backend", "model", "warned"),
    [("tgi", "an-adapter", True), ("tgi", "served-name", False), ("tgi", None, False), ("vllm", "an-adapter", False)],
)
async def test_a_name_that_is_taken_for_an_adapters_is_warned_of_once(backend: str, model: str | None, warned: bool) -> None:
    clock = FakeClock()
    one = served(FakeControl(listed=("served-name",)), Heard(), clock, model=model, backend=backend)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await one.model()
            await settle()
            clock.now_ns += 61_000_000_000
    assert [(line["model"], line["served_model"]) for line in logs if "adapter" in line["event"]] == [("an-adapter", "served-name")] * warned


async def test_the_first_listed_model_is_held_until_it_is_missing() -> None:
    control, heard, clock = FakeControl(listed=("a", "b")), Heard(), FakeClock()
    one = served(control, heard, clock)
    assert await one.model() == "a"
    for listed, expected in ((("b", "a"), "a"), (("b", "c"), "b"), ((), "b")):
        control.listed = listed
        clock.now_ns += 61_000_000_000
        await one.model()
        await settle()
        assert await one.model() == expected
    assert [facts.model for facts in heard.of(Facts) if facts.served_model == facts.model] == ["a", "a", "a", "b"]  # named, version, length, the next


async def test_the_list_is_read_once_a_minute_and_after_a_failed_chat() -> None:
    control, clock = FakeControl(), FakeClock()
    one = served(control, Heard(), clock)
    for seconds, fails, lists in ((0, False, 1), (59, False, 1), (2, False, 2), (1, True, 3), (1, False, 3)):
        clock.now_ns += seconds * 1_000_000_000
        if fails:
            one.ask_soon()
        await one.model()
        await settle()
        assert control.questions.count("models") == lists


async def test_no_answer_leaves_the_model_unknown_and_the_next_chat_asks_again() -> None:
    control, heard = FakeControl(silent=True), Heard()
    one = served(control, heard)
    assert await one.model() == UNKNOWN_MODEL
    assert heard.events == []
    control.silent = False
    assert await one.model() == "tiny"


async def test_no_answer_later_leaves_the_facts_as_they_were() -> None:
    control, heard = FakeControl(), Heard()
    one = served(control, heard)
    await one.model()
    before = one.facts
    control.silent = True
    one.ask_soon()
    await one.model()
    await settle()
    assert one.facts == before


@pytest.mark.parametrize(
    ("backend", "wanted", "listed", "expected"),
    [
        ("vllm", "tiny", ("tiny",), "tiny"),
        ("vllm", "tiny", ("other:7b", "tiny:latest"), None),
        ("ollama", "tiny", ("other:7b", "tiny:latest"), "tiny:latest"),
        ("openai", "tiny", ("other:7b", "tiny:latest"), "tiny:latest"),
        ("vllm", "alias", ("served",), "served"),
        ("vllm", "gone", ("a", "b"), None),
        ("vllm", "gone", (), None),
    ],
)
async def test_the_name_that_the_engine_itself_gives(backend: str, wanted: str, listed: tuple[str, ...], expected: str | None) -> None:
    one = served(FakeControl(listed=listed), Heard(), model=wanted, backend=backend)
    await one.model()
    await settle()
    assert one.facts.served_model == expected


async def test_whether_the_model_is_loaded_is_told_when_it_changes() -> None:
    control, heard = FakeControl(in_memory=False), Heard()
    one = served(control, heard, model="tiny", backend="ollama")
    for in_memory in (False, False, True):
        control.in_memory = in_memory
        assert await one.loaded() is in_memory
    assert [facts.model_loaded for facts in heard.of(Facts)] == [False, True]
    control.silent = True
    assert await one.loaded() is None
    assert one.facts.model_loaded is True


async def test_chats_that_wait_share_one_question_and_closing_lets_go_of_it() -> None:
    class Slow(FakeControl):
        async def models(self, endpoint: Endpoint) -> tuple[str, ...]:
            self.questions.append("models")
            await asyncio.Event().wait()
            raise AssertionError

    control = Slow()
    one = served(control, Heard())
    waiting = [asyncio.create_task(one.model()) for _ in range(3)]
    await settle()
    assert control.questions == ["models"]
    await one.close()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in done)


async def test_a_model_that_the_engine_does_not_have_is_for_the_chat_to_show() -> None:
    control = FakeControl(listed=("other", "another"), in_memory=False)
    one = served(control, Heard(), model="misspelt", backend="ollama")
    assert await one.loaded() is None
    control.listed = ("Misspelt:latest",)
    assert await one.loaded() is False


async def test_where_it_cannot_be_told_a_chat_might_load_the_model() -> None:
    control, clock = FakeControl(in_memory=True, untold=True), FakeClock()
    one = served(control, Heard(), clock, model="tiny", backend="ollama")
    assert await one.loaded() is False
    control.untold = False
    assert await one.loaded() is True
    control.untold = True
    assert await one.loaded() is None  # as it was there a moment ago, and stays for five minutes
    clock.now_ns += 301_000_000_000
    assert await one.loaded() is False


async def test_a_model_without_a_name_is_not_asked_after() -> None:
    control = FakeControl(listed=(), in_memory=False)
    one = served(control, Heard(), backend="ollama")
    assert await one.model() == UNKNOWN_MODEL
    assert await one.loaded() is None
    assert "loaded" not in control.questions


async def test_fields_that_chats_go_without_are_told_once() -> None:
    heard = Heard()
    one = served(FakeControl(), heard, model="tiny")
    with structlog.testing.capture_logs() as lines:
        for left_out in ((), ("seed",), ("seed",), ("cache_salt", "seed")):
            one.went_without(left_out)
    assert [facts.left_out for facts in heard.of(Facts)] == [("seed",), ("cache_salt", "seed")]
    assert [line["cost"].partition(" ")[0] for line in lines] == ["seed", "cache_salt"]
    assert {(line["log_level"], line["target"]) for line in lines} == {("warning", "engine")}
