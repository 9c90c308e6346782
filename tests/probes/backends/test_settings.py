"""How engines say that they were started: a closed list, in the same words each time."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from exporter.native.families import parse
from probes import backends
from probes.backends.base import FrameError

FIXTURES = Path(__file__).parent / "fixtures"


def answered(backend: str, answer: object) -> dict[str, str]:
    return backends.get(backend).settings.of_answer(orjson.dumps(answer))


@pytest.mark.parametrize("version", ["0.10", "0.32"])
def test_vllm_tells_them_on_its_page_of_metrics(version: str) -> None:
    engine = backends.get("vllm")
    assert engine.metrics is not None
    page = parse((FIXTURES / "vllm" / f"metrics-{version}.txt").read_bytes(), "text/plain", engine.metrics)
    told = engine.settings.of_page(page.families)
    assert {"block_size", "cache_dtype", "enable_prefix_caching", "gpu_memory_utilization"} <= told.keys()
    assert "num_gpu_blocks" not in told, "it is another one after each start"
    assert "None" not in told.values()


def test_of_sglang_nothing_is_taken_but_what_is_on_the_list() -> None:
    told = answered("sglang", {"tp_size": 2, "disable_radix_cache": False, "api_key": "letmein", "version": "0.5.23", "quantization": None})
    assert told == {"tp_size": "2", "disable_radix_cache": "false"}


def test_of_tgi_the_limits_and_the_revision() -> None:
    info = {"model_id": "tiny", "model_sha": "abc", "max_total_tokens": 8192, "validation_workers": 2, "version": "3.3.6"}
    assert answered("tgi", info) == {"model_sha": "abc", "max_total_tokens": "8192"}


def test_of_llamacpp_slots_and_their_context() -> None:
    told = backends.get("llamacpp").settings.of_answer((FIXTURES / "llamacpp" / "props.json").read_bytes())
    assert set(told) == {"total_slots", "n_ctx"}


def test_of_ollama_how_the_model_was_quantised() -> None:
    settings = backends.get("ollama").settings
    assert settings.posted("tiny:1b") == b'{"model":"tiny:1b"}'
    assert answered("ollama", {"details": {"family": "qwen2", "quantization_level": "Q4_K_M"}, "license": "long"}) == {
        "family": "qwen2",
        "quantization_level": "Q4_K_M",
    }


@pytest.mark.parametrize("answer", ["[]", "no JSON"])
def test_what_is_no_answer_is_refused(answer: str) -> None:
    with pytest.raises(FrameError):
        backends.get("tgi").settings.of_answer(answer.encode())


def test_what_is_no_single_value_or_too_long_to_read_is_left_out() -> None:
    assert answered("sglang", {"dtype": ["a"], "quantization": "x" * 10_000, "kv_cache_dtype": "a\nb", "attention_backend": ""}) == {}
