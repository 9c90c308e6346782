"""What a good chat of a benchmark run keeps to: presets by name, each with its source, or thresholds of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from config.base import Section
from config.durations import write_duration
from config.quantities import Seconds


@dataclass(frozen=True, slots=True)
class ChatSlo:
    """Thresholds of a good chat, in seconds; None where there is none. `source` says who has set them."""

    name: str
    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    e2e_seconds: float | None = None
    source: str = "the configuration"

    @classmethod
    def of(cls, name: str, thresholds: Mapping[str, float], source: str = "the configuration") -> Self:
        """With thresholds in seconds, by `ttft`, `tpot` and `e2e`, as `thresholds` gives them."""
        return cls(name, thresholds.get("ttft"), thresholds.get("tpot"), thresholds.get("e2e"), source)

    @property
    def thresholds(self) -> dict[str, float]:
        """Those that are set, in seconds, by their key."""
        limits = {"ttft": self.ttft_seconds, "tpot": self.tpot_seconds, "e2e": self.e2e_seconds}
        return {key: seconds for key, seconds in limits.items() if seconds is not None}

    @property
    def words(self) -> str:
        """The thresholds for people, like `TTFT 450ms, TPOT 40ms`."""
        return ", ".join(f"{key.upper()} {write_duration(seconds)}" for key, seconds in self.thresholds.items())

    @property
    def told(self) -> str:
        """A sentence with its thresholds and where they come from."""
        return f"{self.name}: {self.words} ({self.source})"


PRESETS: Mapping[str, ChatSlo] = {
    slo.name: slo
    for slo in (
        ChatSlo(
            "instant",
            0.2,
            0.025,
            source="TTFT: what the authors of DistServe ask for a chatbot (Hao AI Lab, 2024); TPOT: from 25 ms on, vLLM's timeline colours a gap",
        ),
        ChatSlo("interactive", 0.45, 0.04, source="MLPerf Inference, Llama 2 70B, Interactive scenario, since v5.0 (2025)"),
        ChatSlo("conversational", 2.0, 0.2, source="MLPerf Inference, Llama 2 70B, Server scenario, since v4.0 (2024)"),
        ChatSlo(
            "reading",
            1.0,
            0.15,
            source="TTFT: 1 s keeps one's train of thought (Nielsen, 1993); TPOT: 300 words a minute, as fast as most adults read "
            "(Brysbaert, 2019), at 0.75 words a token",
        ),
    )
}


def presets_in_words() -> str:
    """A line for each preset, for people who have to choose one."""
    return "\n".join(f"  {slo.told}" for slo in PRESETS.values())


class OwnSlo(Section):
    """`{ttft: 500ms, tpot: 50ms, e2e: 10s}` as it is written."""

    ttft_seconds: Seconds | None = Field(default=None, alias="ttft", description="longest time to first token of a good chat")
    tpot_seconds: Seconds | None = Field(default=None, alias="tpot", description="longest time per output token of a good chat")
    e2e_seconds: Seconds | None = Field(default=None, alias="e2e", description="longest good chat, from start to end")

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.ttft_seconds is None and self.tpot_seconds is None and self.e2e_seconds is None:
            raise ValueError("has no threshold; write one at least, like {ttft: 500ms, tpot: 50ms}")
        return self


def read_slo(written: object) -> ChatSlo:
    """A preset by its name, or thresholds of one's own. Raises `ValueError`."""
    match written:
        case ChatSlo():
            return written
        case str() if written in PRESETS:
            return PRESETS[written]
        case Mapping():
            own = OwnSlo.model_validate(written)
            return ChatSlo("own", own.ttft_seconds, own.tpot_seconds, own.e2e_seconds)
    raise ValueError(f"is no SLO of a chat; write one of {', '.join(PRESETS)}, or thresholds like {{ttft: 500ms, tpot: 50ms}}")


def write_slo(slo: ChatSlo) -> object:
    """What reads back as the same SLO."""
    if PRESETS.get(slo.name) == slo:
        return slo.name
    return {key: write_duration(seconds) for key, seconds in slo.thresholds.items()}


SloOfChats = Annotated[ChatSlo, BeforeValidator(read_slo), PlainSerializer(write_slo)]
"""An SLO of chats, as a configuration has it."""
