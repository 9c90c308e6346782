from __future__ import annotations

import pytest

from config.effective import effective
from config.notify import KINDS, Notify, Receivers
from config.problems import write_path
from config.reader import parse
from config.sections import SECTIONS, keys

PLACE = ("alerts", "notify", "receivers")
REST = "targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}\n"


def notify(written: str) -> Notify:
    found = parse(f"{REST}alerts: {{notify: {written}}}\n").config.alerts.notify
    assert found is not None
    return found


def test_nobody_is_told_unless_it_is_written() -> None:
    assert parse(REST).config.alerts.notify is None


def test_left_out_all_are_called_and_tickets_wake_nobody() -> None:
    found = notify('{receivers: {pagerduty: {}, slack: {channel: "#a"}}}')
    assert (found.page, found.ticket, found.info) == (("slack", "pagerduty"), ("slack",), ())


def test_tickets_for_nobody_if_that_is_meant() -> None:
    assert notify("{receivers: {pagerduty: {}}, ticket: []}").ticket == ()


@pytest.mark.parametrize("receiver", ["webhook: {url: http://hooks}", 'email: {to: "a@b, c@d", from: a@b, smarthost: "[::1]:25"}'])
def test_without_a_secret_any_alertmanager_will_do(receiver: str) -> None:
    assert notify(f"{{alertmanager: '0.22', receivers: {{{receiver}}}}}").alertmanager == (0, 22)


def test_what_is_shown_reads_back_as_the_same() -> None:
    config = parse(
        f'{REST}alerts: {{notify: {{receivers: {{email: {{to: a@b, from: c@d, smarthost: "h:25"}}, slack: {{channel: "#a"}}}}}}}}\n'
    ).config
    assert parse(effective(config)).config == config


def test_every_kind_of_receiver_can_be_configured() -> None:
    assert tuple(KINDS) == keys(Receivers)


def test_keys_of_receivers_are_shown_in_errors_and_nothing_else_is() -> None:
    for receiver in KINDS:
        for key in keys(SECTIONS[(*PLACE, receiver)]):
            assert write_path((*PLACE, receiver, key)) == f"alerts.notify.receivers.{receiver}.{key}"
        assert write_path((*PLACE, receiver, "hunter2")) == f"alerts.notify.receivers.{receiver}"
