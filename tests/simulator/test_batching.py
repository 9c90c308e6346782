"""The latency model on virtual time: nothing here waits."""

from __future__ import annotations

import itertools

import pytest

from simulator.batching import Batching, Sequence, Step
from simulator.kvcache import KvCache, block_hashes
from simulator.options import Capacity, Latency

MS = 1_000_000
LATENCY = Latency(prefill_tokens_per_second=1000, decode_seconds=0.02, batch_slowdown=0.0, first_token_seconds=0.005)


def sequence(arrived_ms: float = 0, prompt: int = 10, answer: int = 5, text: str = "") -> Sequence:
    hashes = block_hashes([text or "word"] * prompt, 16) if text else ()
    return Sequence(round(arrived_ms * MS), prompt, hashes, answer, answer)


def run(batching: Batching) -> list[Step]:
    """Every step until nothing is left to do."""
    steps = []
    while (step := batching.begin()) is not None:
        batching.complete(step)
        steps.append(step)
    return steps


def batching(latency: Latency = LATENCY, *, seed: int = 1, reserve: bool = False, **capacity: int) -> Batching:
    return Batching(latency, Capacity(**{"context_tokens": 16, **capacity}), seed=seed, reserve=reserve)


def test_alone_a_request_takes_its_prefill_and_then_one_step_a_token() -> None:
    model = batching()
    one = sequence(arrived_ms=3, prompt=10, answer=5)
    model.submit(one)
    ends = [step.end_ns / MS for step in run(model)]
    assert ends == pytest.approx([18, 38, 58, 78, 98])  # 3 + 5 + 10 tokens at 1 ms each, then 20 ms a token
    assert (one.scheduled_ns, one.first_token_ns, one.last_token_ns) == (3 * MS, 18 * MS, 98 * MS)


def test_a_long_prefill_stalls_the_whole_batch() -> None:
    model = batching()
    talker, newcomer = sequence(answer=6), sequence(arrived_ms=40, prompt=500, answer=2)
    model.submit(talker)
    model.submit(newcomer)
    times = [step.end_ns for step in run(model) if talker in step.batch]
    gaps = [(after - before) / MS for before, after in itertools.pairwise(times)]
    assert sorted(gaps)[:4] == pytest.approx([20] * 4)
    assert max(gaps) == pytest.approx(20 + 5 + 500)


def test_a_step_grows_with_the_batch() -> None:
    model = batching(Latency(decode_seconds=0.02, batch_slowdown=0.1, first_token_seconds=0))
    for _ in range(11):
        model.submit(sequence(answer=3))
    last = run(model)[-1]
    assert (last.end_ns - last.start_ns) / MS == pytest.approx(20 * 2)


def test_first_come_first_served_up_to_the_batch_limit() -> None:
    model = batching(max_batch=2)
    chats = [sequence(answer=3) for _ in range(3)]
    for chat in chats:
        model.submit(chat)
    steps = run(model)
    assert steps[0].admitted == (chats[0], chats[1])
    assert chats[2].scheduled_ns == chats[0].last_token_ns


def test_a_request_does_not_join_a_step_that_began_before_it_came() -> None:
    model = batching()
    early, late = sequence(answer=3), sequence(arrived_ms=1)
    model.submit(early)
    model.submit(late)
    first, second, *_ = run(model)
    assert first.admitted == (early,)
    assert second.admitted == (late,)


def test_a_prefix_cache_hit_shortens_the_prefill() -> None:
    model = batching(context_tokens=2048)
    first, again, other = (sequence(prompt=161, answer=1, text=text) for text in ("same", "same", "other"))
    seconds = []
    for chat in (first, again, other):
        model.submit(chat)
        (step,) = run(model)
        seconds.append((step.end_ns - step.start_ns) / 1e9)
    assert seconds == pytest.approx([0.166, 0.006, 0.166])
    assert (first.cached_tokens, again.cached_tokens, other.cached_tokens) == (0, 160, 0)


def test_the_last_prompt_token_is_computed_even_if_the_cache_holds_all() -> None:
    model = batching(context_tokens=2048)
    chats = [sequence(prompt=160, answer=1, text="same") for _ in range(2)]
    for chat in chats:
        model.submit(chat)
        run(model)
    assert chats[1].cached_tokens == 144


def test_a_salt_keeps_equal_prompts_apart() -> None:
    tokens = ["word"] * 32
    assert set(block_hashes(tokens, 16, "a")).isdisjoint(block_hashes(tokens, 16, "b"))


def test_a_full_kv_cache_makes_requests_wait_where_blocks_are_booked_ahead() -> None:
    model = batching(reserve=True, kv_blocks=4, context_tokens=64)
    first, second = sequence(prompt=32, answer=20), sequence(prompt=32, answer=20)
    model.submit(first)
    model.submit(second)
    steps = run(model)
    assert second.scheduled_ns == first.last_token_ns
    assert not any(step.preempted for step in steps)
    assert model.kv.used == 0


def test_where_blocks_are_taken_as_needed_the_newest_is_preempted_and_computed_again() -> None:
    model = batching(kv_blocks=6, context_tokens=96)
    first, second = sequence(prompt=40, answer=30), sequence(prompt=40, answer=30)
    model.submit(first)
    model.submit(second)
    steps = run(model)
    assert [chat.preemptions for chat in (first, second)] == [0, 1]
    again = next(step for step in steps if step.preempted == () and second in step.admitted and step is not steps[0])
    assert again.prefill_ns == pytest.approx((5 + 40 + second_produced_before(steps, second)) * MS)
    assert second.produced == 30
    assert model.kv.used == 0


def second_produced_before(steps: list[Step], chat: Sequence) -> int:
    thrown_out = next(place for place, step in enumerate(steps) if chat in step.preempted)
    return sum(chat in step.batch for step in steps[:thrown_out])


def test_the_same_seed_gives_the_same_times_and_another_seed_others() -> None:
    def ends(seed: int) -> list[int]:
        model = batching(Latency(jitter=0.2), seed=seed)
        model.submit(sequence(answer=50))
        return [step.end_ns for step in run(model)]

    assert ends(1) == ends(1)
    assert ends(1) != ends(2)


def test_thousands_of_tokens_do_not_drift() -> None:
    model = batching(Latency(decode_seconds=0.0123456, first_token_seconds=0, prefill_tokens_per_second=1e9), context_tokens=16_000)
    one = sequence(prompt=1, answer=10_001)
    model.submit(one)
    run(model)
    assert one.first_token_ns is not None
    assert one.last_token_ns is not None
    assert one.last_token_ns - one.first_token_ns == 10_000 * 12_345_600


def test_an_aborted_request_gets_no_token_and_gives_its_blocks_back() -> None:
    model = batching(context_tokens=64)
    gone, stays = sequence(answer=5), sequence(answer=5)
    model.submit(gone)
    model.submit(stays)
    step = model.begin()
    assert step is not None
    model.abort(gone)
    assert model.complete(step) == (stays,)
    run(model)
    assert gone.produced == 0
    assert model.kv.used == 0


def test_idle_blocks_are_reused_and_given_up_oldest_first() -> None:
    cache = KvCache(4)
    for text in ("a", "b"):
        holding = cache.hold(block_hashes([text] * 32, 16), 0)
        assert holding is not None
        cache.release(holding)
    assert cache.used == 0
    assert cache.leading_hits(block_hashes(["a"] * 32, 16)) == 2
    held = cache.hold(block_hashes(["c"] * 16, 16), 0)
    assert held is not None
    assert cache.leading_hits(block_hashes(["a"] * 32, 16)) == 1
    assert cache.leading_hits(block_hashes(["b"] * 32, 16)) == 2


def test_what_does_not_fit_holds_nothing() -> None:
    cache = KvCache(2)
    assert cache.hold((), 3) is None
    assert cache.used == 0
