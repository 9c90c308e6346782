from __future__ import annotations

from probes.wire.loop import Loop, pool


def test_a_timer_that_is_further_away_than_epoll_can_wait() -> None:
    loop = Loop()
    called: list[str] = []
    loop.at(loop.now_ns() + 365 * 86_400 * 10**9, lambda: called.append("a year later"))
    loop.at(loop.now_ns() - 1, lambda: called.append("due"))
    with pool(1, "test") as helper:
        loop.in_thread(helper, lambda: None, loop.stop)
        loop.run()
    assert called == ["due"]
