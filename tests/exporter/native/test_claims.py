from __future__ import annotations

import pytest

from exporter.native.claims import Claims, Title

X_TOTAL, X_UNKNOWN, GAUGE_X = Title("vllm:x_total", "counter"), Title("vllm:x", "counter"), Title("vllm:x", "gauge")


@pytest.mark.parametrize(
    ("title", "text", "openmetrics"),
    [
        (X_TOTAL, ("vllm:x_total", "counter"), ("vllm:x", "counter")),
        (X_UNKNOWN, ("vllm:x", "counter"), ("vllm:x", "unknown")),
        (GAUGE_X, ("vllm:x", "gauge"), ("vllm:x", "gauge")),
        (Title("vllm:x", "unknown"), ("vllm:x", "untyped"), ("vllm:x", "unknown")),
        (Title("vllm:x_total", "histogram"), ("vllm:x_total", "histogram"), ("vllm:x_total", "histogram")),
    ],
)
def test_how_a_family_is_declared_in_each_form(title: Title, text: tuple[str, str], openmetrics: tuple[str, str]) -> None:
    assert (title.name, title.text_type) == text
    assert (title.openmetrics_name, title.openmetrics_type) == openmetrics


@pytest.mark.parametrize(
    ("held", "wanted", "verdict"),
    [
        (GAUGE_X, GAUGE_X, None),
        (GAUGE_X, Title("vllm:x", "histogram"), "type"),
        (GAUGE_X, X_UNKNOWN, "type"),
        (GAUGE_X, X_TOTAL, "name"),
        (X_TOTAL, GAUGE_X, "name"),
        (X_TOTAL, Title("vllm:x_created", "gauge"), "name"),
        (X_TOTAL, Title("vllm:x_total", "gauge"), "type"),
        (X_UNKNOWN, Title("vllm:x_created", "gauge"), None),
        (Title("vllm:x", "histogram"), Title("vllm:x_count", "counter"), "name"),
        (Title("vllm:x_count", "counter"), Title("vllm:x", "histogram"), "name"),
        (Title("vllm:x", "summary"), Title("vllm:x_bucket", "gauge"), None),
        (Title("vllm:x_total", "histogram"), Title("vllm:x", "gauge"), None),
    ],
)
def test_who_comes_first_has_the_names(held: Title, wanted: Title, verdict: str | None) -> None:
    claims: Claims[str] = Claims()
    claims.hold(held, "a")
    assert claims.conflict(wanted) == verdict


def test_names_are_free_again_when_the_last_holder_is_gone() -> None:
    claims: Claims[str] = Claims()
    for holder in ("a", "b"):
        claims.hold(X_TOTAL, holder)
    claims.release([X_TOTAL], "a")
    assert claims.conflict(GAUGE_X) == "name"
    claims.release([X_TOTAL], "b")
    assert claims.conflict(GAUGE_X) is None
