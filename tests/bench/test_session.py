"""Runs of a few seconds against simulated engines, through real sockets: the look before, the run, and the look after."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from bench.chat import Chat
from bench.events import BlockBegun, ChatEnded, End, Event
from bench.looking import EngineSeen, after
from bench.session import Before, CannotRunError, Done, Session, instruments, lay_out
from config.reader import parse
from simulator import Capacity, Latency, Options, Simulator, simulated
from tests.processes import free_port
from traffic.roster import Member, roster

FAST = Latency(first_token_seconds=0.005, decode_seconds=0.002)
SCENARIOS = "scenarios: {bench: {users: 2, prompt: short-question, max_tokens: 4, timeout: 10s}}"
SHORT = "rounds: 2, block: 700ms, warm_up: 100ms, pause: 10ms, grace: 5s"


def options(model: str = "tiny", **more: object) -> Options:
    return replace(Options(models=(model,), latency=FAST), **more)  # type: ignore[arg-type]


@dataclass
class Held:
    """A session on a configuration, and what it told."""

    text: str
    events: list[Event] = field(default_factory=list)
    before: Before | None = None

    async def run(self) -> Done:
        config = parse(self.text).config
        members: Mapping[str, Member] = roster(config).members
        async with instruments() as measuring:
            session = Session(lay_out(config, members), members, measuring)
            self.before = await session.look()
            return await session.hold(self.before, self.events.append)

    @property
    def chats(self) -> list[Chat]:
        return [event.chat for event in self.events if isinstance(event, ChatEnded)]

    def of(self, target: str, round: int) -> list[Chat]:
        return [chat for chat in self.chats if (chat.target, chat.place.round) == (target, round)]


def held(engines: Mapping[str, tuple[str, str]], bench: str, scenarios: str = SCENARIOS, more: str = "") -> Held:
    """`engines` are backend and URL by name."""
    targets = "".join(f"  {name}: {{backend: {backend}, url: '{url}'{more}}}\n" for name, (backend, url) in engines.items())
    return Held(f"targets:\n{targets}{scenarios}\nbench: {{{bench}}}\n")


@pytest.mark.parametrize("hardware", ["own", "shared"])
async def test_two_engines_are_measured_by_the_same_load(hardware: str) -> None:
    async with simulated("vllm", options()) as a, simulated("tgi", options()) as b:
        run = held({"a": ("vllm", a.url), "b": ("tgi", b.url)}, f"hardware: {hardware}, {SHORT}")
        done = await run.run()
        asked = len(a.truth.chats()), len(b.truth.chats())
    assert (done.ended.end, done.caveats) == (End.DONE, ())
    blocks = [event.block.targets for event in run.events if isinstance(event, BlockBegun)]
    assert blocks == ([("a", "b"), ("b", "a")] if hardware == "own" else [("a",), ("b",), ("b",), ("a",), ("b",), ("a",), ("a",), ("b",)])
    for target in ("a", "b"):
        for number in (1, 2):
            chats = run.of(target, number)
            assert {chat.outcome for chat in chats} == {"ok"}
            assert all(chat.ttft_seconds is not None and chat.tpot_seconds is not None for chat in chats)
    told = [sum(chat.target == target for chat in run.chats) for target in ("a", "b")]
    assert asked == (told[0] + 1, told[1] + 1), "one chat each comes before the run"


async def test_chats_at_a_rate_are_pairs_where_each_has_its_own_hardware() -> None:
    async with simulated("vllm", options()) as a, simulated("vllm", options()) as b:
        run = held({"a": ("vllm", a.url), "b": ("vllm", b.url)}, f"hardware: own, levels: [{{rate: 20/s}}], {SHORT}")
        await run.run()
    pairs = {pair: [chat for chat in run.chats if chat.pair_id == pair] for pair in {chat.pair_id for chat in run.chats}}
    assert len(pairs) > 2
    assert all(sorted(chat.target for chat in chats) == ["a", "b"] for chats in pairs.values())
    assert all(len({chat.prompt_id for chat in chats}) == 1 for chats in pairs.values())


async def test_an_engine_that_is_killed_in_the_middle_is_a_result() -> None:
    async with simulated("vllm", options()) as a, simulated("vllm", options()) as b:
        run = held({"a": ("vllm", a.url), "b": ("vllm", b.url)}, f"hardware: own, levels: [{{rate: 20/s}}], {SHORT}")
        run.events = _Killing(b)
        done = await run.run()
    assert done.ended.end is End.DONE
    assert {chat.outcome for number in (1, 2) for chat in run.of("a", number)} == {"ok"}
    assert {chat.outcome for chat in run.of("b", 1)} == {"ok"}
    lost = run.of("b", 2)
    assert {chat.outcome for chat in lost} == {"failed", "unsent"}
    assert {chat.reason for chat in lost if chat.outcome == "unsent"} == {"breaker"}
    assert len(lost) == len(run.of("a", 2)), "all that were due are attempts"
    assert [caveat.targets for caveat in done.caveats] == [("b",)]
    assert done.caveats[0].words.startswith("b could not be chatted with at the end: its models cannot be listed")


class _Killing(list[Event]):
    """Events that have an engine refuse connections from the second round on."""

    def __init__(self, engine: Simulator) -> None:
        super().__init__()
        self._engine = engine
        self._refusing: asyncio.Task[None] | None = None

    def append(self, event: Event) -> None:
        if isinstance(event, BlockBegun) and event.block.round == 2:
            self._refusing = asyncio.create_task(self._engine.refuse())
        super().append(event)


async def test_who_does_not_answer_before_the_run_has_none() -> None:
    async with simulated("vllm", options()) as a:
        run = held({"a": ("vllm", a.url), "b": ("vllm", f"http://127.0.0.1:{free_port()}")}, SHORT)
        with pytest.raises(CannotRunError) as refused:
            await run.run()
        assert len(a.truth.chats()) == 0
    assert str(refused.value).startswith("b cannot be chatted with: its models cannot be listed (/v1/models: ")
    assert str(refused.value).endswith("mend that, or leave it out with --targets")
    assert run.events == []


async def test_a_first_chat_that_is_refused_is_told_before_the_run() -> None:
    async with simulated("vllm", options(faults=("server-error",))) as a:
        run = held({"a": ("vllm", a.url)}, SHORT)
        with pytest.raises(CannotRunError, match="a cannot be chatted with: server_error"):
            await run.run()
    assert run.events == []


@pytest.mark.parametrize("allowed", [False, True])
async def test_no_model_is_loaded_unless_that_is_allowed(allowed: bool) -> None:
    async with simulated("ollama", options("gemma3:4b", loaded=False, load_seconds=0.2)) as engine:
        run = held({"a": ("ollama", engine.url)}, SHORT, more=", load_model: true" if allowed else "")
        if allowed:
            done = await run.run()
            assert done.ended.end is End.DONE
            assert {chat.outcome for chat in run.chats} == {"ok"}
        else:
            with pytest.raises(CannotRunError, match=r"gemma3:4b is not in memory, and nobody allowed chatprobe to load it"):
                await run.run()
            assert len(engine.truth.chats()) == 0


async def test_what_makes_the_comparison_unfair_is_told() -> None:
    async with simulated("vllm", options("qwen2.5-7b")) as a, simulated("vllm", options("llama-3.1-8b")) as b:
        run = held({"a": ("vllm", a.url), "b": ("vllm", b.url), "twice": ("vllm", b.url)}, SHORT)
        await run.run()
    assert run.before is not None
    words = [caveat.words for caveat in run.before.caveats]
    models = "a: qwen2.5-7b, b: llama-3.1-8b, twice: llama-3.1-8b"
    assert words == [
        f"the models differ, so that it is not the engines alone that are compared: {models}",
        f"b and twice are one engine, at {b.url}",
    ]
    looked = {one.target: one for one in run.before.looked}
    assert (looked["a"].model, looked["a"].backend, looked["a"].context_tokens, looked["a"].health) == ("qwen2.5-7b", "vllm", 8192, "")
    assert looked["a"].version is not None
    assert {chat.model for chat in run.chats if chat.target == "b"} == {"llama-3.1-8b"}


EARLIER = EngineSeen("a", "vllm", "http://a", "m", ("m",), "0.11.0", 8192, started_at=(1000.0,))


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (EARLIER, None),
        (replace(EARLIER, started_at=(2000.0,)), "a was restarted during the run"),
        (replace(EARLIER, version="0.12.0"), "the version of a changed during the run, from 0.11.0 to 0.12.0"),
        (replace(EARLIER, model="n"), "the model of a changed during the run, from m to n"),
        (replace(EARLIER, models=("n",)), "a does not list m any more"),
        (replace(EARLIER, models=()), None),
        (replace(EARLIER, context_tokens=4096), "the context of a changed during the run, from 8192 to 4096"),
        (replace(EARLIER, health="/health: status 500"), "a did not say at the end that it is well: /health: status 500"),
        (replace(EARLIER, version=None, started_at=()), None),
    ],
)
def test_what_became_of_an_engine_meanwhile(later: EngineSeen, words: str | None) -> None:
    assert [caveat.words for caveat in after([EARLIER], [later])] == ([] if words is None else [words])


@pytest.mark.parametrize(
    ("bench", "streams"),
    [
        ("rounds: 2", 500),
        ("levels: [{users: 100}, {users: 900}]", 900),
        ("levels: [{rate: 100/s}]", 1_000),
        ("search: {most: 2000, slo: instant}", 2_000),
        ("search: {of: rate, from: 1/s, most: 200/s, slo: instant}", 2_000),
    ],
)
def test_how_many_chats_there_may_be_at_once(bench: str, streams: int) -> None:
    """So many workers are started for it. Of a rate it is as many as begin until the first of them times out."""
    config = parse(f"targets: {{v: {{backend: vllm, url: http://v}}}}\n{SCENARIOS}\nbench: {{{bench}}}\n").config
    assert lay_out(config, roster(config).members).most_streams == streams


async def test_an_engine_that_wants_a_key_says_where_it_is_written() -> None:
    async with simulated("vllm", replace(options(), api_key="k-secret")) as a:
        with pytest.raises(CannotRunError, match=r"status 401\); write api_key: \{file: PATH\} in its configuration"):
            await held({"a": ("vllm", a.url)}, SHORT).run()


async def test_the_context_of_a_model_that_is_loaded_for_the_run_is_compared_too() -> None:
    async with (
        simulated("vllm", options()) as a,
        simulated("ollama", options(loaded=False, load_seconds=0.1, capacity=Capacity(context_tokens=4096))) as b,
    ):
        targets = f"targets: {{a: {{backend: vllm, url: '{a.url}'}}, b: {{backend: ollama, url: '{b.url}', load_model: true}}}}\n"
        run = Held(f"{targets}{SCENARIOS}\nbench: {{{SHORT}}}\n")
        await run.run()
    assert run.before is not None
    assert [one.context_tokens for one in run.before.looked] == [8192, 4096]
    assert [caveat.words for caveat in run.before.caveats if "contexts differ" in caveat.words]
