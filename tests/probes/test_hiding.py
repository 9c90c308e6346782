from __future__ import annotations

import pytest

from probes.ask import Endpoint
from probes.hiding import hidden, may_be_secret

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


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", "x"),
        ("HF_TOKEN", "x"),
        ("openaiApiKey", "x"),
        ("db-password", "x"),
        ("Authorization", "x"),
        ("note", "hf_AbCdEfGhIjKlMnOp"),
        ("note", "sk-proj-AbCdEfGhIjKl"),
        ("note", "Bearer abcdefgh12345"),
        ("note", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx"),
        ("image", "https://user:pw@registry.example/vllm"),
        ("flags", "--enforce-eager --api-key letmein"),
        ("flags", "--hf-token=letmein"),
    ],
)
def test_what_may_be_a_secret_by_its_name_or_its_form(key: str, value: str) -> None:
    assert may_be_secret(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_tokens", "4096"),
        ("tokenizer", "Qwen/Qwen2.5-7B-Instruct"),
        ("max_num_batched_tokens", "8192"),
        ("gpu", "8 × H100"),
        ("flags", "--enforce-eager --max-num-seqs 64 --api-key-file /run/secrets/vllm --tensor-parallel-size 2"),
        ("url", "https://registry.example/vllm:0.11.0"),
        ("commit", "0f47dd2a6b1e7c0d3c1f7b8a9e2d4c5b6a798081"),
    ],
)
def test_what_is_none(key: str, value: str) -> None:
    assert not may_be_secret(key, value)
