"""The reason of a failed chat: the first cause in time, ties by the order of the list."""

import random

from hypothesis import given
from hypothesis import strategies as st

from probes.failure import Failure, Reason, first

CAUSES = st.lists(st.builds(Failure, st.sampled_from(Reason), st.text(max_size=3), st.integers(0, 3)), max_size=6)


def test_the_list_is_closed() -> None:
    assert [reason.value for reason in Reason] == [
        *("dns", "connect", "tls", "auth", "model_missing", "overloaded", "unavailable", "rejected", "server_error"),
        *("model_load", "first_token_timeout", "stalled", "timeout", "protocol", "error_in_stream", "truncated", "empty", "validation", "internal"),
    ]


def test_no_cause_is_no_failure() -> None:
    assert first([]) is None
    assert first([None, None]) is None


def test_the_first_in_time_goes_before_the_order_of_the_list() -> None:
    late, early = Failure(Reason.DNS, "", 2), Failure(Reason.INTERNAL, "", 1)
    assert first([late, None, early]) is early


def test_a_tie_goes_by_the_order_of_the_list() -> None:
    status, cut = Failure(Reason.SERVER_ERROR, "", 1), Failure(Reason.TRUNCATED, "", 1)
    assert first([cut, status]) is status


@given(CAUSES, st.randoms(use_true_random=False))
def test_the_order_in_which_causes_are_named_does_not_matter(causes: list[Failure], chance: random.Random) -> None:
    found = first(causes)
    shuffled = list(causes)
    chance.shuffle(shuffled)
    again = first(shuffled)
    assert (found is None) == (not causes)
    if found is not None and again is not None:
        assert (found.reason, found.at_ns) == (again.reason, again.at_ns)
        order = list(Reason)
        assert all((found.at_ns, order.index(found.reason)) <= (cause.at_ns, order.index(cause.reason)) for cause in causes)
