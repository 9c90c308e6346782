from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.traffic.fakes import SECOND_NS, FakeClock
from traffic.events import SkipReason
from traffic.yielding import UNKNOWN_USAGE, EngineLoad, Yielding

SHARE = Decimal("0.1")


@dataclass
class FakeUsage:
    loads: dict[str, EngineLoad] = field(default_factory=dict)

    def load(self, target: str) -> EngineLoad | None:
        return self.loads.get(target)


@dataclass
class Scene:
    clock: FakeClock = field(default_factory=FakeClock)
    usage: FakeUsage = field(default_factory=FakeUsage)

    def __post_init__(self) -> None:
        self.yielding = Yielding(SHARE, self.usage, self.clock)

    def engine(self, *, generates: float, waiting: float = 0) -> None:
        self.usage.loads["vllm"] = EngineLoad(generates, requests_waiting=waiting)

    def ours(self, *, per_second: float) -> None:
        self.yielding.generated("vllm", round(per_second * 60))

    def held_back(self, open_chats: int = 0) -> bool:
        refusal = self.yielding.refusal("vllm", open_chats)
        assert refusal in (None, SkipReason.LOAD_SHARE)
        return refusal is not None


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("ours", "generates", "held_back"),
    [
        (10, 100, False),  # the share itself is allowed
        (10, 99, True),
        (11, 100, True),
        (11, 110, False),
        (0, 100, False),
        (50, 51, False),  # nobody else
        (50, 51.1, True),
        (50, 30, False),  # the engine's figure is behind ours
        (0, 0, False),
    ],
)
def test_it_holds_back_while_others_use_the_engine_and_our_share_is_above_what_is_allowed(
    scene: Scene, ours: float, generates: float, held_back: bool
) -> None:
    scene.ours(per_second=ours)
    scene.engine(generates=generates)
    assert scene.held_back() is held_back


def test_requests_that_wait_are_others_where_they_are_more_than_ours(scene: Scene) -> None:
    scene.ours(per_second=50)
    scene.engine(generates=50, waiting=3)
    assert scene.held_back(open_chats=3) is False
    assert scene.held_back(open_chats=2) is True


def test_an_engine_that_stands_still_with_others_waiting_is_ours_alone(scene: Scene) -> None:
    scene.engine(generates=0, waiting=3)
    assert scene.held_back() is False
    scene.ours(per_second=1)
    assert scene.held_back() is True


def test_our_tokens_count_for_a_minute(scene: Scene) -> None:
    scene.ours(per_second=50)
    scene.engine(generates=100)
    scene.clock.now_ns += 60 * SECOND_NS
    assert scene.held_back() is True
    scene.clock.now_ns += SECOND_NS
    assert scene.held_back() is False


def test_a_load_that_is_not_known_holds_nothing_back(scene: Scene) -> None:
    scene.ours(per_second=50)
    assert scene.held_back() is False
    assert Yielding(SHARE, UNKNOWN_USAGE, scene.clock).refusal("vllm", 0) is None


def test_the_bound_can_change_and_what_was_generated_stays(scene: Scene) -> None:
    scene.ours(per_second=20)
    scene.engine(generates=100)
    scene.yielding.configure(None)
    assert scene.held_back() is False
    scene.yielding.configure(Decimal("0.2"))
    assert scene.held_back() is False
    scene.yielding.configure(Decimal("0.19"))
    assert scene.held_back() is True


def test_targets_are_counted_apart_and_forgotten(scene: Scene) -> None:
    scene.yielding.generated("tgi", 6_000)
    scene.engine(generates=100)
    assert scene.held_back() is False
    scene.ours(per_second=50)
    assert scene.held_back() is True
    scene.yielding.forget("vllm")
    assert scene.held_back() is False
    scene.yielding.forget("never heard of")
