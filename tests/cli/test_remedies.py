"""What to do about a failed chat."""

from __future__ import annotations

import pytest

from cli.remedies import remedy
from probes.failure import Failure, Reason


def test_every_reason_has_a_remedy() -> None:
    assert len({remedy(Failure(reason, "", 0), "vllm") for reason in Reason}) == len(Reason)


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (
            "vllm",
            "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens.",
        ),
        ("tgi", "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2036 `inputs` tokens and 64 `max_new_tokens`"),
        ("tgi", "Input validation error: `inputs` must have less than 1024 tokens. Given: 1500"),
        ("sglang", "The input (6011 tokens) is longer than the model's context length (4096 tokens)."),
        ("llamacpp", "request (6011 tokens) exceeds the available context size (4096 tokens), try increasing it"),
        ("ollama", '{"code":400,"type":"exceed_context_size_error","n_prompt_tokens":6011,"n_ctx":4096}'),
    ],
)
def test_each_engines_refusal_of_what_does_not_fit_has_its_remedy(backend: str, words: str) -> None:
    assert remedy(Failure(Reason.REJECTED, words, 0), backend).startswith("the prompt and its answer are longer than the engine's context")


@pytest.mark.parametrize(
    "words", ["redirect to http://a", '"tiny" does not support thinking', "seed: Input should be a valid integer", "inputs is required"]
)
def test_other_refusals_have_theirs(words: str) -> None:
    assert remedy(Failure(Reason.REJECTED, words, 0), "tgi").startswith("check --backend and the URL")
