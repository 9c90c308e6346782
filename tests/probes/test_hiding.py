from __future__ import annotations

import pytest

from probes.ask import Endpoint
from probes.hiding import hidden

ENDPOINT = Endpoint(
    "engine", "vllm", "http://engine", api_key="k-secret-that-is-long", headers={"X-Team": "k-secret", "X-Way": "Basic dXNlcjpwdw==", "X-On": "1"}
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1 is not k-secret-that-is-long", "1 is not <secret>"),
        ("k-secret, k-secret", "<secret>, <secret>"),
        ("no user dXNlcjpwdw== here", "no user <secret> here"),
        ("Basic dXNlcjpwdw==: no", "<secret>: no"),
        ("no key k-secret-that-is", "no key <secret>"),
        ("no key k-se", "no key <secret>"),
        ("no user dXNlcj", "no user <secret>"),
        ("no key k-s", "no key k-s"),
        ("k-se is no key", "k-se is no key"),
        ("", ""),
    ],
)
def test_secrets_are_hidden_whole_and_where_the_end_was_cut(text: str, shown: str) -> None:
    assert hidden(text, ENDPOINT) == shown


def test_without_secrets_nothing_is_hidden() -> None:
    assert hidden("Bearer of news", Endpoint("engine", "vllm", "http://engine")) == "Bearer of news"
