"""The fixed uids of the Grafana dashboards, so that alerts can link to them."""

from __future__ import annotations

from enum import StrEnum


class Dashboard(StrEnum):
    """A dashboard by its uid: its page is `/d/UID` of any Grafana that holds it."""

    OVERVIEW = "chatprobe-overview"
    LATENCY = "chatprobe-latency"
    SLO = "chatprobe-slo"
    WHY = "chatprobe-why"
    VLLM = "chatprobe-vllm"
    TGI = "chatprobe-tgi"
    OLLAMA = "chatprobe-ollama"
    SGLANG = "chatprobe-sglang"
    LLAMACPP = "chatprobe-llamacpp"
    PROBER = "chatprobe-prober"
