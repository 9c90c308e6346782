"""Many changes are made in steps, each to the end, and no target that stays is touched by any."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from discovery.kubernetes.asking import Found, Matched
from discovery.kubernetes.discovery import one_step
from tests.cluster import objects as o
from tests.discovery.kubernetes.seeing import only

ONE = only(o.service("one"))


def engine(name: str, url: str = "http://a") -> Found:
    return Found(replace(ONE, name=f"ns/{name}"), "vllm", url, Matched((), "cluster.local"))


FLEETS = st.dictionaries(st.integers(0, 30), st.sampled_from(["http://a", "http://b"])).map(
    lambda fleet: tuple(engine(str(number), url) for number, url in sorted(fleet.items()))
)


def differences(before: tuple[Found, ...], now: tuple[Found, ...]) -> int:
    had, has = ({one.candidate.name: one for one in fleet} for fleet in (before, now))
    return sum(had.get(name) != has.get(name) for name in had.keys() | has.keys())


@given(FLEETS, FLEETS, st.integers(1, 10))
def test_each_step_makes_so_many_changes_and_the_last_is_the_whole(before: tuple[Found, ...], now: tuple[Found, ...], most: int) -> None:
    left = differences(before, now)
    while left:
        after = one_step(before, now, most)
        assert differences(before, after) == min(most, left)
        assert differences(after, now) == max(0, left - most)
        before, left = after, differences(after, now)
    assert one_step(before, now, most) == now


def test_who_is_gone_goes_first_so_that_there_is_room() -> None:
    old = tuple(engine(f"old-{number}") for number in range(3))
    new = tuple(engine(f"new-{number}") for number in range(3))
    assert one_step(old, new, 3) == ()
