from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="module")
def url() -> str:
    """A real vLLM's."""
    url = os.environ.get("CHATPROBE_VLLM_URL")
    if not url:
        assert not os.environ.get("CI"), "CHATPROBE_VLLM_URL is not set"
        pytest.skip("CHATPROBE_VLLM_URL is not set; tests/real/vllm/up starts a vLLM")
    return url
