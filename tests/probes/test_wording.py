from __future__ import annotations

import pytest

from probes.wording import listed, shortened


def test_one_short_printable_line() -> None:
    assert shortened("two\r\n\tlines\x00\x1b[31m and\u2028more ") == "two lines [31m and more"
    assert shortened("x" * 300) == "x" * 199 + "…"
    assert shortened("x" * 30, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("words", "said"), [([], ""), (["vLLM"], "vLLM"), (["vLLM", "TGI"], "vLLM and TGI"), (["vLLM", "TGI", "Ollama"], "vLLM, TGI and Ollama")]
)
def test_a_list_in_a_sentence(words: list[str], said: str) -> None:
    assert listed(words) == said
    assert listed(words, "or") == said.replace(" and ", " or ")
