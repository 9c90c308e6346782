"""Each rule on numbers alone: when it finds, with which figures, when it does not, and that it needs its numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.engine_side.findings import RULES
from bench.engine_side.gpus import Gpu
from bench.engine_side.notes import Notes
from probes.numbers.number import Number
from probes.numbers.page import Numbers
from tests.bench.engine_side.made import block, chats, found, gpu_readings, look, notes, observed, reading, readings, told

CHATS = chats([0.8] * 100)
AT_LIMIT = [look(4, 9, 0.3)] * 8 + [look(3, 0, 0.2)] * 2


def test_the_queue_is_found_with_its_share_of_the_mean_and_between_two_bounds_of_p95() -> None:
    numbers = {Number.QUEUE: observed(*[0.6] * 100, bounds=(0.1, 0.5, 0.7)), Number.TTFT: observed(*[0.8] * 100)}
    finding = found(notes(CHATS, readings(numbers)))["queue"]
    assert finding.level == "10 users"
    assert finding.words == "the queue makes 75 % of the mean time to first token (600 ms of 800 ms) and 62 to 87 % of p95 (800 ms) at 10 users"
    assert finding.figures == {
        "queue_seconds_mean": pytest.approx(0.6),
        "ttft_seconds_mean": pytest.approx(0.8),
        "share": pytest.approx(0.75),
        "ttft_seconds_p95": 0.8,
        "share_of_p95_low": pytest.approx(0.625),
        "share_of_p95_high": pytest.approx(0.875),
    }
    assert finding.advice == "more replicas, or less load"


def test_a_bucket_that_says_little_of_p95_is_left_out_of_the_sentence() -> None:
    numbers = {Number.QUEUE: observed(*[0.6] * 100, bounds=(0.1,)), Number.TTFT: observed(*[0.8] * 100)}
    finding = found(notes(CHATS, readings(numbers)))["queue"]
    assert finding.words == "the queue makes 75 % of the mean time to first token (600 ms of 800 ms) at 10 users"
    assert finding.figures["share_of_p95_low"] == pytest.approx(0.125)


def test_chats_that_began_in_the_warm_up_and_had_their_first_token_after_it_are_those_that_the_engine_counted() -> None:
    numbers = {Number.QUEUE: observed(*[0.4] * 90, *[6.0] * 10, bounds=(0.1, 0.5, 5.5, 6.5)), Number.TTFT: observed(*[0.8] * 90, *[7.0] * 10)}
    early = chats([7.0] * 10, warm_up=True, since=1.0)
    finding = found(notes([*chats([0.8] * 90), *early], readings(numbers)))["queue"]
    assert finding.figures["ttft_seconds_p95"] == 7.0
    assert finding.figures["share_of_p95_low"] == pytest.approx(5.5 / 7)


def test_nothing_is_said_of_p95_where_the_engine_counted_others() -> None:
    numbers = {Number.QUEUE: observed(*[0.95] * 100, bounds=(0.1, 0.9, 1.0)), Number.TTFT: observed(*[1.0] * 100)}
    assert "share_of_p95_low" not in found(notes(CHATS, readings(numbers)))["queue"].figures


def test_the_queue_of_an_engine_without_a_ttft_of_its_own_is_a_share_of_the_clients() -> None:
    finding = found(notes(CHATS, readings({Number.QUEUE: observed(*[0.4] * 100)}), backend="tgi"))["queue"]
    assert finding.figures["share"] == pytest.approx(0.5)


def test_the_queue_is_told_of_each_chat_where_the_engine_tells_it() -> None:
    of = [told(1.0, load_seconds=0.0, queue_seconds=0.5, prefill_seconds=0.5)] * 95
    of += [told(3.0, load_seconds=0.0, queue_seconds=2.7, prefill_seconds=0.3)] * 5
    finding = found(notes(chats([1.0] * 95 + [3.0] * 5), told=of, backend="ollama"))["queue"]
    assert finding.figures["share"] == pytest.approx((95 * 0.5 + 5 * 2.7) / (95 + 15))
    assert finding.figures["ttft_seconds_p95"] == pytest.approx(1.1), "between the 95th and the 96th, as in the summary"
    tail = [told(3.0, load_seconds=0.0, queue_seconds=2.7, prefill_seconds=0.3)] * 6
    finding = found(notes(chats([1.0] * 94 + [3.0] * 6), told=of[:94] + tail, backend="ollama"))["queue"]
    assert finding.figures["share_of_p95_low"] == finding.figures["share_of_p95_high"] == pytest.approx(0.9)
    assert "OLLAMA_NUM_PARALLEL" in finding.advice


def test_a_chat_whose_model_was_loaded_first_is_none_of_which_the_queue_is_told() -> None:
    of = [told(1.0, load_seconds=0.0, queue_seconds=0.5, prefill_seconds=0.5)] * 99
    slow = replace(told(9.0, load_seconds=8.0, queue_seconds=0.5, prefill_seconds=0.5), loaded=True)
    finding = found(notes(chats([1.0] * 99), told=[*of, slow], backend="ollama"))["queue"]
    assert finding.words == "the queue makes 50 % of the mean time to first token (500 ms of 1.00 s) and 50 % of p95 (1.00 s) at 10 users"


@pytest.mark.parametrize(("queue", "ttft"), [(0.19, 0.8), (0.015, 0.02)], ids=["a small share", "a short queue"])
def test_a_queue_below_its_limits_is_no_finding(queue: float, ttft: float) -> None:
    numbers = {Number.QUEUE: observed(*[queue] * 100), Number.TTFT: observed(*[ttft] * 100)}
    assert "queue" not in found(notes(chats([ttft] * 100), readings(numbers)))


QUEUEING = {Number.QUEUE: observed(*[0.6] * 100), Number.TTFT: observed(*[0.8] * 100)}


@pytest.mark.parametrize(
    ("looks", "backend", "advice"),
    [
        (AT_LIMIT, "vllm", "or a larger --max-num-seqs (it ran 4 at once at most; the KV cache was at most 30 % full), which slows each token"),
        (AT_LIMIT, "sglang", "or a larger --max-running-requests (it ran 4 at once at most; the KV cache was at most 30 % full)"),
        ([look(4, 9)] * 8, "tgi", "or a larger --max-batch-total-tokens (it ran 4 at once at most), which slows each token"),
        ([look(4, 9, 0.99)] * 8, "vllm", "or more memory for the KV cache (--gpu-memory-utilization): it was full, so a larger batch would not help"),
        ([look(running, 9, 0.3) for running in (4, 1, 2, 3, 1, 2, 1, 2)], "vllm", "more replicas, or less load"),
    ],
)
def test_what_is_advised_against_a_queue_follows_from_what_was_seen(looks: list[Numbers], backend: str, advice: str) -> None:
    told_advice = found(notes(CHATS, readings(QUEUEING, looks=looks), backend=backend))["queue"].advice
    assert told_advice.startswith("more replicas, or less load")
    assert advice in told_advice


def test_the_prefill_is_found_with_the_prompts_length() -> None:
    numbers = {Number.PREFILL: observed(*[0.6] * 100), Number.TTFT: observed(*[0.8] * 100)}
    finding = found(notes(CHATS, readings(numbers)))["prefill"]
    assert finding.figures["share"] == pytest.approx(0.75)
    assert finding.figures["input_tokens_mean"] == 100
    assert finding.words.endswith("prompts of 100 tokens on average, at 10 users")
    assert "--enable-prefix-caching" in finding.advice
    assert "--max-num-batched-tokens" in finding.advice


def test_a_prefill_that_is_told_for_each_pass_is_called_so() -> None:
    numbers = {Number.PREFILL: observed(*[0.6] * 30), Number.QUEUE: observed(*[0.0] * 100)}
    finding = found(notes(CHATS, readings(numbers), backend="tgi"))["prefill"]
    assert "(a pass takes 600 ms)" in finding.words
    assert "--max-batch-prefill-tokens" in finding.advice


def test_a_short_prefill_is_no_finding() -> None:
    numbers = {Number.PREFILL: observed(*[0.04] * 100), Number.TTFT: observed(*[0.05] * 100)}
    assert "prefill" not in found(notes(chats([0.05] * 100), readings(numbers)))


def test_the_gap_between_client_and_engine_is_that_of_the_same_chats() -> None:
    finding = found(notes(CHATS, readings({Number.TTFT: observed(*[0.5] * 100)})))["client_gap"]
    assert finding.words == (
        "first tokens reach the client 300 ms later than the engine has them (800 ms against 500 ms, mean of 100 chats) at 10 users"
    )
    assert finding.figures["gap_seconds"] == pytest.approx(0.3)


def test_no_gap_is_told_where_others_were_there_or_it_is_small() -> None:
    assert "client_gap" not in found(notes(CHATS, readings({Number.TTFT: observed(*[0.5] * 150)})))
    assert "client_gap" not in found(notes(CHATS, readings({Number.TTFT: observed(*[0.7] * 100)})))


def test_a_full_kv_cache_is_found_by_the_looks_under_load() -> None:
    looks = [look(4, 1, 0.97)] * 2 + [look(4, 1, 0.5)] * 6
    finding = found(notes(CHATS, readings({}, looks=looks)))["kv_cache_full"]
    assert finding.figures == {"looks_share": 0.25, "usage_ratio_max": 0.97}
    assert finding.advice == "more memory for it (--gpu-memory-utilization), shorter contexts, or more replicas"
    assert "kv_cache_full" not in found(notes(CHATS, readings({}, looks=[look(4, 1, 0.89)] * 8)))
    assert "kv_cache_full" not in found(notes(CHATS, readings({}, looks=[look(4, 1, 0.99)] * 4))), "too few looks"


def test_looks_before_the_load_is_full_and_after_it_are_none() -> None:
    late = [reading("during", 61.0 + place, look(4, 1, 0.99)) for place in range(9)]
    early = [reading("during", 1.0 + place / 10, look(4, 1, 0.99)) for place in range(9)]
    assert "kv_cache_full" not in found(notes(CHATS, [*readings({}), *early, *late]))


def test_requests_that_were_put_back_are_counted_a_chat() -> None:
    finding = found(notes(CHATS, readings({Number.PREEMPTIONS: 30.0})))["preemptions"]
    assert finding.figures == {"preemptions": 30.0, "chats": 100.0, "preemptions_per_chat": 0.3}
    assert finding.advice == "more memory for the KV cache (--gpu-memory-utilization), or a smaller --max-num-seqs"
    assert "--schedule-conservativeness" in found(notes(CHATS, readings({Number.PREEMPTIONS: 30.0}), backend="sglang"))["preemptions"].advice
    assert "preemptions" not in found(notes(CHATS, readings({Number.PREEMPTIONS: 0.0})))


def test_a_batch_at_its_limit_is_one_that_does_not_grow_while_others_wait() -> None:
    finding = found(notes(CHATS, readings({}, looks=AT_LIMIT)))["batch_at_limit"]
    assert finding.figures == {"running_max": 4.0, "looks_share": 1.0, "looks_with_queue": 8.0}
    assert finding.advice == "a larger --max-num-seqs where memory allows, or more replicas"
    assert "--parallel" in found(notes(CHATS, readings({}, looks=[look(4, 9)] * 8), backend="llamacpp"))["batch_at_limit"].advice
    assert "batch_at_limit" not in found(notes(CHATS, readings({}, looks=[look(4, 0)] * 8))), "nobody waits"
    assert "batch_at_limit" not in found(notes(CHATS, readings({}, looks=[look(4, 9, 0.99)] * 8))), "it is memory that holds it"


def test_the_limit_of_each_replica_is_its_own() -> None:
    read = readings({}, looks=[look(8, 9)] * 8, replica="x") + readings({}, looks=[look(2, 9)] * 8, replica="y")
    assert found(notes(CHATS, read))["batch_at_limit"].figures["looks_share"] == 1.0


def test_refusals_are_found() -> None:
    finding = found(notes(CHATS, readings({Number.REQUESTS_REJECTED: 12.0}), backend="tgi"))["refused"]
    assert finding.words == "the engine refused 12 requests because too many others were there at 10 users"
    assert "--max-concurrent-requests" in finding.advice
    assert "refused" not in found(notes(CHATS, readings({Number.REQUESTS_REJECTED: 0.0}), backend="tgi"))


HITS = {Number.PREFIX_CACHE_HITS: 3000.0, Number.PREFIX_CACHE_QUERIES: 10_000.0}


def test_cold_chats_that_hit_the_prefix_cache_are_a_caveat() -> None:
    finding = found(notes(CHATS, readings(HITS), told=[told(0.8)] * 100))["cache_warm"]
    assert finding.kind == "caveat"
    assert finding.figures["hit_ratio"] == pytest.approx(0.3)
    assert "cache_warm" not in found(notes(CHATS, readings(HITS), told=[told(0.8, cold=False)] * 100))
    assert "cache_warm" not in found(notes(CHATS, readings({**HITS, Number.PREFIX_CACHE_HITS: 900.0}), told=[told(0.8)] * 100))


def test_a_templates_few_tokens_before_a_short_prompt_are_no_caveat() -> None:
    of = [told(0.8, input_tokens=20, cached_tokens=5)] * 100
    assert "cache_warm" not in found(notes(CHATS, told=of))
    assert "cache_warm" in found(notes(CHATS, told=[told(0.8, input_tokens=80, cached_tokens=20)] * 100))


def test_warm_chats_that_miss_it_are_a_cause() -> None:
    finding = found(notes(CHATS, readings(HITS), told=[told(0.8, cold=False)] * 100))["cache_missed"]
    assert finding.kind == "cause"
    assert finding.figures["hit_ratio"] == pytest.approx(0.3)
    assert "--enable-prefix-caching" in finding.advice
    assert "cache_missed" not in found(notes(CHATS, readings(HITS), told=[told(0.8)] * 100))


def test_what_is_told_of_each_chat_comes_before_the_counters_of_all_requests() -> None:
    of = [told(0.8, input_tokens=100, cached_tokens=40)] * 100
    assert found(notes(CHATS, readings(HITS), told=of))["cache_warm"].figures["hit_ratio"] == pytest.approx(0.4)


def test_idle_gpus_beside_a_queue_are_found() -> None:
    gpus = gpu_readings(Gpu(index="0", utilisation_ratio=0.3))
    finding = found(notes(CHATS, readings({}, looks=AT_LIMIT), gpus=gpus))["gpu_idle"]
    assert finding.figures == {"gpu_utilisation_ratio_mean": pytest.approx(0.3), "looks_with_queue_share": pytest.approx(0.8)}
    assert finding.advice == "a larger --max-num-seqs (it ran 4 at once at most)"
    assert "gpu_idle" not in found(notes(CHATS, readings({}, looks=AT_LIMIT), gpus=gpu_readings(Gpu(index="0", utilisation_ratio=0.9))))
    assert "gpu_idle" not in found(notes(CHATS, readings({}, looks=[look(4, 0)] * 8), gpus=gpus))
    assert "gpu_idle" not in found(notes(CHATS, readings({}, looks=AT_LIMIT), gpus=gpus[:2])), "too few looks"


def test_gpus_that_are_held_back_are_a_caveat_with_reason_and_clock() -> None:
    finding = found(notes(CHATS, gpus=gpu_readings(Gpu(index="0", sm_clock_megahertz=1200, held_back=("power cap",)))))["gpu_held_back"]
    assert finding.words == "GPUs are held back in 100 % of the looks (power cap), at 1200 MHz on average, at 10 users"
    assert finding.kind == "caveat"
    assert "gpu_held_back" not in found(notes(CHATS, gpus=gpu_readings(Gpu(index="0", held_back=()))))


def test_a_model_that_is_not_all_on_gpus_is_found() -> None:
    edge = {Number.MODEL_MEMORY: 1000.0, Number.MODEL_VRAM: 700.0}
    assert found(notes(CHATS, readings(edge), backend="ollama"))["model_off_gpu"].figures["off_gpu_share"] == pytest.approx(0.3)
    for on_gpus in (1000.0, 0.0):
        assert "model_off_gpu" not in found(notes(CHATS, readings({**edge, Number.MODEL_VRAM: on_gpus}), backend="ollama"))


def test_chats_that_waited_for_a_load_are_a_caveat() -> None:
    of = [told(0.8, load_seconds=0.01)] * 97 + [told(3.0, load_seconds=2.0)] * 3
    finding = found(notes(CHATS, told=of, backend="ollama"))["model_load"]
    assert finding.figures == {"chats": 3.0, "chats_told": 100.0, "load_seconds_mean": pytest.approx(2.0)}
    assert "OLLAMA_KEEP_ALIVE" in finding.advice
    assert "model_load" not in found(notes(CHATS, told=of[:97], backend="ollama"))


def test_a_restart_within_a_block_is_a_caveat_and_voids_what_was_counted() -> None:
    read = readings({**QUEUEING, Number.PREEMPTIONS: 50.0})
    read[-1] = reading("end", 61.0, read[-1].numbers, started_at=9.0)
    got = found(notes(CHATS, read))
    assert got["restarted"].figures == {"restarts": 1.0, "first_block": 1.0}
    assert "queue" not in got
    assert "preemptions" not in got


def test_counters_that_fall_are_a_restart_too() -> None:
    read = [reading("begin", 0, {Number.PREEMPTIONS: 9.0}, started_at=None), reading("end", 61, {Number.PREEMPTIONS: 1.0}, started_at=None)]
    assert "restarted" in found(notes(CHATS, read))
    assert "restarted" not in found(notes(CHATS, readings({Number.PREEMPTIONS: 9.0})))


def test_a_restart_between_two_blocks_is_one_too_and_voids_neither() -> None:
    blocks = [block(1), block(2)]
    of = chats([0.8] * 100) + chats([0.8] * 100, number=2)
    again = [reading(one.mark, one.at - 2000.0, one.numbers, number=2, started_at=9.0) for one in readings({Number.PREEMPTIONS: 30.0}, number=2)]
    got = found(notes(of, [*readings({Number.PREEMPTIONS: 10.0}), *again], blocks=blocks))
    assert got["restarted"].figures == {"restarts": 1.0, "first_block": 2.0}
    assert got["preemptions"].figures["preemptions"] == 40.0


def test_requests_of_others_are_a_caveat_with_their_share() -> None:
    finding = found(notes(CHATS, readings({Number.TTFT: observed(*[0.8] * 125)})))["others"]
    assert finding.figures == {"requests": 125.0, "of_others": 25.0, "share": pytest.approx(0.2)}
    assert finding.words == "others used the engine too: 25 requests of 125 (20 %) were not of this run at 10 users"


def test_chats_without_a_first_token_and_the_warm_ups_are_not_taken_for_others() -> None:
    of = [*CHATS, *chats([None] * 10, outcome="failed"), *chats([0.8] * 15, warm_up=True)]
    assert "others" not in found(notes(of, readings({Number.TTFT: observed(*[0.8] * 125)})))
    assert "others" in found(notes(of, readings({Number.TTFT: observed(*[0.8] * 128)})))


def test_where_first_tokens_are_not_counted_answers_are() -> None:
    of = [*CHATS, *chats([0.8] * 10, outcome="cut")]
    assert "others" not in found(notes(of, readings({Number.REQUESTS_SUCCEEDED: 110.0}), backend="tgi"))
    assert "others" in found(notes(of, readings({Number.REQUESTS_SUCCEEDED: 120.0}), backend="tgi"))


def test_without_numbers_nothing_is_found_and_what_was_not_told_is_said() -> None:
    got = found(notes(CHATS))
    assert list(got) == ["untold"]
    silent = {rule.name for rule in RULES} - {"model_load", "model_off_gpu", "gpu_idle", "gpu_held_back"}
    assert got["untold"].figures == {"rules": float(len(silent))}
    assert all(name in got["untold"].words for name in silent)
    assert got["untold"].words.startswith("vLLM did not tell the time in its queue, ")


def test_a_target_without_chats_has_no_findings() -> None:
    assert found(notes([])) == {}
    assert found(notes(chats([0.8] * 9, warm_up=True), readings(QUEUEING))) == {}


def test_looks_that_failed_are_told_with_their_reason() -> None:
    read = readings(QUEUEING)
    failed = [type(read[0])(at=1010.0 + place, target="a", block=1, problem="timeout: no whole answer within 5 s") for place in range(3)]
    finding = found(notes(CHATS, [*read[:2], *failed, *read[2:]]))["unread"]
    assert finding.words == "50 % of the looks at its own metrics failed: timeout: no whole answer within 5 s"


def test_a_finding_begins_at_the_lightest_level_from_which_it_holds() -> None:
    levels = ("10 users", "20 users", "40 users")
    blocks = [block(number, level) for number, level in enumerate(levels, 1)]
    of = [chat for number, level in enumerate(levels, 1) for chat in chats([0.8] * 100, number=number, level=level)]
    read = [
        one
        for number, seconds in enumerate((0.1, 0.4, 0.6), 1)
        for one in readings({Number.QUEUE: observed(*[seconds] * 100, bounds=(0.1,)), Number.TTFT: observed(*[0.8] * 100)}, number=number)
    ]
    finding = found(notes(of, read, blocks=blocks, levels=levels))["queue"]
    assert finding.words.endswith("(400 ms of 800 ms) from 20 users on (75 % at 40 users)")
    assert list(finding.by_level) == ["20 users", "40 users"]
    assert finding.to_json()["by_level"]["40 users"]["share"] == pytest.approx(0.75)  # type: ignore[index]


def test_where_it_does_not_hold_up_to_the_heaviest_level_its_levels_are_named() -> None:
    levels = ("10 users", "20 users", "40 users")
    blocks = [block(number, level) for number, level in enumerate(levels, 1)]
    of = [chat for number, level in enumerate(levels, 1) for chat in chats([0.8] * 100, number=number, level=level)]
    read = [one for number, count in enumerate((50.0, 0.0, 50.0), 1) for one in readings({Number.PREEMPTIONS: count}, number=number)]
    assert " at 10 users and 40 users" in found(notes(of, read, blocks=blocks, levels=levels))["preemptions"].words


def test_blocks_of_a_level_are_taken_together() -> None:
    blocks = [block(1), block(2)]
    of = chats([0.8] * 100) + chats([0.8] * 100, number=2)
    read = readings({Number.PREEMPTIONS: 10.0}) + readings({Number.PREEMPTIONS: 30.0}, number=2)
    assert found(notes(of, read, blocks=blocks))["preemptions"].figures["preemptions"] == 40.0


def test_a_number_counts_only_if_every_replica_told_it() -> None:
    read = readings({Number.PREEMPTIONS: 10.0}, replica="x") + readings({}, replica="y")
    assert "preemptions" not in found(notes(CHATS, read))
    read = readings({Number.PREEMPTIONS: 10.0}, replica="x") + readings({Number.PREEMPTIONS: 5.0}, replica="y")
    assert found(notes(CHATS, read))["preemptions"].figures["preemptions"] == 15.0


def test_caveats_come_first() -> None:
    numbers = {Number.TTFT: observed(*[0.8] * 200), Number.QUEUE: observed(*[0.6] * 200)}
    kinds = [finding.kind for finding in found(notes(CHATS, readings(numbers))).values()]
    assert kinds == sorted(kinds, key=("caveat", "cause", "unknown").index)
    assert len(set(kinds)) == 3


def slowed(then: float, now: float, ran: float, running: float, number: int = 100) -> Notes:
    """Chats alone and with nine others, whose tokens took so long while so many requests ran."""
    blocks = (block(1, "1 user"), block(2, "10 users"))
    alone = [replace(one, tpot_seconds=then) for one in chats([0.1] * number, level="1 user")]
    many = [replace(one, tpot_seconds=now) for one in chats([0.1] * number, number=2)]
    read = readings({}, looks=[look(ran, 0)] * 5) + readings({}, looks=[look(running, 0)] * 5, number=2)
    return notes([*alone, *many], read, blocks=blocks, levels=("1 user", "10 users"))


def test_tokens_that_come_slower_in_a_larger_batch_are_found_with_both_batches() -> None:
    finding = found(slowed(0.01, 0.023, 1, 8.5))["decode"]
    assert finding.level == "10 users"
    assert finding.words == (
        "each token takes 2.3 times as long as at 1 user (23.0 ms against 10.0 ms, p50), "
        "with 8.5 requests in the batch on average against 1, at 10 users"
    )
    assert finding.figures == {
        "tpot_seconds_p50": 0.023, "tpot_seconds_p50_lightest": 0.01, "ratio": pytest.approx(2.3), "running_mean": 8.5, "running_mean_lightest": 1.0,
    }  # fmt: skip
    assert finding.advice == "more replicas, or a smaller --max-num-seqs where tokens are to come sooner than first tokens"


@pytest.mark.parametrize(
    "of",
    [slowed(0.01, 0.012, 1, 8.5), slowed(0.01, 0.023, 8, 8), slowed(0.01, 0.023, 1, 8.5, number=29)],
    ids=["hardly slower", "no larger batch", "too few chats"],
)
def test_no_batch_is_blamed_for_less(of: Notes) -> None:
    assert "decode" not in found(of)
