from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog

from probes.adaptation import Adaptation
from probes.ask import UNKNOWN_MODEL, Endpoint
from probes.failure import Failure, Reason
from probes.loading import Memory, Place
from probes.numbers.loaded import LoadedModel
from probes.own_account import Native
from probes.record import ChatRecord, Load
from tests.traffic.fakes import FakeClock, FakeControl, Heard, settle
from traffic.events import Facts, SkipReason
from traffic.served import Served

OLLAMA = Endpoint("engine", "ollama", "http://engine:11434", "tiny")


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
    ("backend", "remedy"),
    [
        ("tgi", "leave model out, or write model: served-name; if made-up is a LoRA adapter, write adapter: made-up"),
        ("sglang", "leave model out, or write model: served-name; if made-up is a LoRA adapter, write model: served-name:made-up"),
        ("llamacpp", "leave model out, or write model: served-name"),
    ],
)
async def test_a_name_that_the_engine_ignores_is_not_the_models(backend: str, remedy: str) -> None:
    clock, heard = FakeClock(), Heard()
    one = served(FakeControl(listed=("served-name",)), heard, clock, model="made-up", backend=backend)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert await one.model() == "served-name"
            await settle()
            clock.now_ns += 61_000_000_000
    assert {(facts.model, facts.served_model) for facts in heard.of(Facts)} == {("served-name", "served-name")}
    assert [(line["configured"], line["model"], line["remedy"]) for line in logs if "configured" in line] == [("made-up", "served-name", remedy)]


@pytest.mark.parametrize("backend", ["tgi", "sglang", "llamacpp"])
async def test_the_configured_name_stays_while_the_engine_does_not_say_what_it_has(backend: str) -> None:
    control, clock = FakeControl(silent=True), FakeClock()
    one = served(control, Heard(), clock, model="made-up", backend=backend)
    assert [await one.model(), await one.model()] == ["made-up", "made-up"]
    assert control.questions == ["models"]
    control.silent = False
    clock.now_ns += 61_000_000_000
    assert await one.model() == "tiny"


async def test_an_adapter_is_what_the_operator_said() -> None:
    endpoint = Endpoint("engine", "tgi", "http://engine:8080", adapter="an-adapter")
    one = Served(endpoint, FakeControl(listed=("served-name",)), FakeClock(), Heard())
    assert one.facts.model == "an-adapter"
    assert await one.model() == "an-adapter"
    await settle()
    assert (one.facts.model, one.facts.served_model) == ("an-adapter", "served-name")


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
    for in_memory, expected in ((False, Place(Memory.UNLOADED)), (False, Place(Memory.UNLOADED)), (True, Place(Memory.LOADED, 4096))):
        control.in_memory = in_memory
        assert await one.place() == expected
    assert [(facts.model_loaded, facts.context_tokens) for facts in heard.of(Facts)] == [(False, None), (True, 4096)]
    control.silent = True
    assert (await one.place()).memory is Memory.SILENT
    assert one.facts.model_loaded is True


@pytest.mark.parametrize(
    ("facts", "longest"),
    [
        (Facts("vllm", max_model_len=4096), 4096),
        (Facts("ollama", context_tokens=2048), 2048),
        (Facts("ollama", max_model_len=32768, context_tokens=2048), 2048),
        (Facts("tgi"), None),
    ],
)
def test_the_longest_chat_is_that_of_the_model_in_memory(facts: Facts, longest: int | None) -> None:
    assert facts.longest_chat == longest


async def test_a_context_that_is_not_told_is_said_once() -> None:
    control, heard = FakeControl(in_memory=True, context_tokens=None), Heard()
    one = served(control, heard, model="tiny", backend="ollama")
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            assert await one.place() == Place(Memory.LOADED)
    assert [(facts.model_loaded, facts.context_tokens) for facts in heard.of(Facts)] == [(True, None)]
    (line,) = (line for line in lines if line["log_level"] == "warning")
    assert line["event"] == "the engine does not tell the context of the model in memory: chats go without it"


@pytest.mark.parametrize(("backend", "is_ollama", "said"), [("openai", True, 1), ("openai", False, 0), ("ollama", True, 0)])
async def test_ollama_behind_the_generic_form_is_told_once(backend: str, is_ollama: bool, said: int) -> None:
    clock = FakeClock()
    one = served(FakeControl(is_ollama=is_ollama), Heard(), clock, model="tiny", backend=backend)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            clock.now_ns += 61_000_000_000
            await one.model()
            await settle()
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert [line["remedy"] for line in warnings] == ["write backend: ollama"] * said


async def test_without_a_name_the_model_in_memory_is_followed() -> None:
    class Several(FakeControl):
        async def loaded_models(self, endpoint: Endpoint) -> tuple[LoadedModel, ...]:
            return tuple(LoadedModel(name) for name in in_memory)

    in_memory: list[str] = []
    control, heard, clock = Several(listed=("a", "b", "c")), Heard(), FakeClock()
    one = served(control, heard, clock, backend="ollama")
    for names, expected in ((["b"], "b"), (["c", "b"], "b"), (["c"], "c"), ([], "c")):
        in_memory[:] = names
        clock.now_ns += 61_000_000_000
        await one.model()
        await settle()
        assert await one.model() == expected


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


@pytest.mark.parametrize(
    ("control", "load_model", "expected"),
    [
        (FakeControl(in_memory=True), False, None),
        (FakeControl(in_memory=False), False, SkipReason.MODEL_NOT_LOADED),
        (FakeControl(in_memory=False), True, None),
        (FakeControl(in_memory=True, untold=True), False, SkipReason.MODEL_NOT_LOADED),
        (FakeControl(in_memory=True, untold=True), True, None),
        (FakeControl(listed=("another",)), False, None),
        (FakeControl(silent=True), False, None),
    ],
)
async def test_a_chat_that_might_load_the_model_is_not_sent_without_leave(
    control: FakeControl, load_model: bool, expected: SkipReason | None
) -> None:
    one = Served(Endpoint("engine", "ollama", "http://engine:11434", "tiny", load_model=load_model), control, FakeClock(), Heard())
    assert one.refusal(await one.place()) is expected


@pytest.mark.parametrize(("load_model", "cost"), [(False, "no chat is sent"), (True, "it is loaded before")])
async def test_why_it_is_not_known_where_the_model_is_is_said_once(load_model: bool, cost: str) -> None:
    control = FakeControl(in_memory=True, untold=True)
    one = Served(replace(OLLAMA, load_model=load_model), control, FakeClock(), Heard())
    with structlog.testing.capture_logs() as logs:
        for untold in (True, True, False, True):
            control.untold = untold
            await one.place()
        control.silent = True
        await one.place()
    assert [(line["log_level"], line["detail"]) for line in logs if "does not tell whether" in line["event"]] == [("warning", "status 403")] * 2
    assert all(line["cost"].startswith(cost) for line in logs)


async def test_what_a_model_is_made_of_is_asked_before_its_name_means_another() -> None:
    control = FakeControl(in_memory=True, known_as={"tiny": "digest"})
    one = served(control, Heard(), model="tiny", backend="ollama")
    await one.model()
    await settle()
    assert control.questions[-1] == "details"


async def test_that_it_was_in_memory_a_moment_ago_is_no_reason_to_believe_it() -> None:
    control = FakeControl(in_memory=True)
    one = served(control, Heard(), model="tiny", backend="ollama")
    assert (one.refusal(await one.place()), one.facts.model_loaded) == (None, True)
    control.untold = True
    assert (one.refusal(await one.place()), one.facts.model_loaded) == (SkipReason.MODEL_NOT_LOADED, None)


def ended(
    clock: FakeClock, *, load: Load | None = None, reason: Reason | None = None, headers_ns: int | None = None, load_seconds: float = 3.1
) -> ChatRecord:
    return ChatRecord(
        target="engine",
        backend="ollama",
        model="tiny",
        scenario="beat",
        request_id="1",
        prompt_id="p",
        cache="cold",
        started_at=0,
        started_ns=clock.now_ns,
        ended_ns=clock.now_ns,
        outcome="failed" if reason else "ok",
        failure=Failure(reason, "", clock.now_ns) if reason else None,
        headers_ns=headers_ns,
        load=load,
        native=Native(load_seconds=load_seconds if load else 0.001),
    )


async def test_a_target_whose_chats_load_the_model_is_held_back_ever_longer() -> None:
    clock = FakeClock()
    one = served(FakeControl(in_memory=True), Heard(), clock, model="tiny", backend="ollama")
    sent_before = ended(clock)
    for minutes in (10, 20, 40):
        one.took(ended(clock, load="unwanted"))
        assert one.facts.held_back == "a chat had the engine load the model anew, for 3.1 s"
        one.took(sent_before)
        clock.now_ns += minutes * 60_000_000_000 - 1
        assert one.refusal(await one.place()) is SkipReason.LOADS_MODEL
        clock.now_ns += 1
        assert one.refusal(await one.place()) is None
        assert one.facts.held_back is not None
    one.took(ended(clock))
    assert one.facts.held_back is None
    one.took(ended(clock, load="unwanted"))
    clock.now_ns += 600_000_000_000
    assert one.refusal(await one.place()) is None
    for _ in range(12):
        one.took(ended(clock, load="unwanted"))
        clock.now_ns += 86_400_000_000_000
        assert one.refusal(await one.place()) is None


async def test_of_shorter_loads_two_within_an_hour_hold_back() -> None:
    clock = FakeClock()
    one = served(FakeControl(in_memory=True), Heard(), clock, model="tiny", backend="ollama")
    story: tuple[tuple[int, Load | None, bool], ...] = ((0, "unwanted", False), (61, "unwanted", False), (1, None, False), (58, "unwanted", True))
    for minutes, load, held in story:
        clock.now_ns += minutes * 60_000_000_000
        one.took(ended(clock, load=load, load_seconds=0.31))
        assert (one.refusal(await one.place()) is SkipReason.LOADS_MODEL) is held
        assert (one.facts.held_back is not None) is held


async def test_leave_to_load_or_another_request_lets_go() -> None:
    clock = FakeClock()
    control = FakeControl(in_memory=True)
    for change in (replace(OLLAMA, load_model=True), replace(OLLAMA, adaptation=Adaptation(omit=frozenset({"seed"})))):
        one = Served(OLLAMA, control, clock, Heard())
        one.took(ended(clock, load="unwanted"))
        assert one.use(replace(OLLAMA, api_key="another"))
        assert one.refusal(await one.place()) is SkipReason.LOADS_MODEL
        assert one.use(change)
        assert (one.refusal(await one.place()), one.facts.held_back) == (None, None)


@pytest.mark.parametrize(
    ("record", "held"),
    [
        ({"reason": Reason.FIRST_TOKEN_TIMEOUT}, True),
        ({"reason": Reason.TIMEOUT}, True),
        ({"reason": Reason.FIRST_TOKEN_TIMEOUT, "headers_ns": 5}, False),
        ({"reason": Reason.CONNECT}, False),
        ({}, False),
    ],
)
async def test_a_model_that_is_gone_after_a_chat_without_an_answer_was_being_loaded_for_it(record: dict[str, Any], held: bool) -> None:
    clock, control = FakeClock(), FakeControl(in_memory=False)
    one = served(control, Heard(), clock, model="tiny", backend="ollama")
    one.took(ended(clock, **record))
    assert one.refusal(await one.place()) is SkipReason.MODEL_NOT_LOADED
    control.in_memory = True
    assert one.refusal(await one.place()) is (SkipReason.LOADS_MODEL if held else None)
    assert (one.facts.held_back is not None) is held


async def test_a_model_that_the_engine_does_not_have_is_for_the_chat_to_show() -> None:
    control = FakeControl(listed=("other", "another"), in_memory=False)
    one = served(control, Heard(), model="misspelt", backend="ollama")
    assert one.refusal(await one.place()) is None
    control.listed = ("Misspelt:latest",)
    assert one.refusal(await one.place()) is SkipReason.MODEL_NOT_LOADED


async def test_an_engine_that_lists_nothing_shows_that_by_a_chat() -> None:
    control = FakeControl(listed=(), in_memory=False)
    one = served(control, Heard(), backend="ollama")
    assert await one.model() == UNKNOWN_MODEL
    assert (await one.place()).memory is Memory.ABSENT


async def test_fields_that_chats_go_without_are_told_once() -> None:
    heard = Heard()
    one = served(FakeControl(), heard, model="tiny")
    with structlog.testing.capture_logs() as lines:
        for left_out in ((), ("seed",), ("seed",), ("cache_salt", "seed")):
            one.went_without(left_out)
    assert [facts.left_out for facts in heard.of(Facts)] == [("seed",), ("cache_salt", "seed")]
    assert [line["cost"].partition(" ")[0] for line in lines] == ["seed", "cache_salt"]
    assert {(line["log_level"], line["target"]) for line in lines} == {("warning", "engine")}
