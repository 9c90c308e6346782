"""What is kept of a flood: no more than there is room for, by number and by weight, and nothing that is known is displaced."""

from __future__ import annotations

import pytest

from discovery.kubernetes import following
from discovery.kubernetes.following import Kept, parts
from discovery.kubernetes.objects import Object
from tests.cluster import objects as o
from tests.discovery.kubernetes.seeing import read


def pods(count: int) -> Object:
    return read(o.endpoint_slice("vllm", *(f"10.0.{number // 250}.{number % 250}" for number in range(count))))


def test_what_each_weighs() -> None:
    assert parts(pods(3)) == 4
    assert parts(read(o.ingress("one", "vllm"))) == 2
    assert parts(read(o.service("vllm"))) == 2
    assert parts(read(o.node("worker"))) == 1


def test_there_is_no_room_for_more_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_PARTS", 10)
    kept = Kept()
    assert kept.keep("a", pods(5))
    assert not kept.keep("b", pods(4))
    assert kept.keep("b", pods(3))
    assert (sorted(kept.objects), kept.parts) == (["a", "b"], 10)


def test_one_that_is_known_may_change_within_the_bound_and_stays_as_it_was_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_PARTS", 10)
    monkeypatch.setattr(following, "MOST_OBJECTS", 1)
    kept, nine = Kept(), pods(9)
    assert kept.keep("a", pods(5))
    assert kept.keep("a", nine)
    assert not kept.keep("a", pods(10))
    assert kept.objects == {"a": nine}
    assert not kept.keep("b", pods(0))
    kept.drop("a")
    kept.drop("never there")
    assert (kept.objects, kept.parts) == ({}, 0)
    assert kept.keep("b", pods(0))


def test_after_a_list_those_that_were_known_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_OBJECTS", 3)
    kept = Kept()
    kept.keep("known", pods(1))
    kept.keep("not in the list", pods(1))
    found = {"a": pods(1), "b": pods(1), "known": pods(2)}
    after = kept.refreshed(found)
    assert after.objects == {"known": found["known"], "not in the list": kept.objects["not in the list"], "a": found["a"]}
    assert after.parts == 7
    assert parts(kept.objects["known"]) == 2
