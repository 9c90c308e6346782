"""What a summary is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.caveat import Caveat
from bench.engine_side.inside import Inside
from bench.events import Unsent
from bench.level import Measured
from config.bench_slos import ChatSlo


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A run, as the statistics need it: live, or from the disk.

    `models` is the model that was asked of each target. `paired` says that targets' rounds were measured at the same
    instants, or in alternating blocks. `findings` are the engines' side, and `outcomes` what the course has found
    (`kind`, `target`, `words`, `figures`), both as they stand in the summary's JSON. `insides` are what went on inside
    each engine at each level.
    `health` is chatprobe's own while it measured, as `bench.own_health` tells it; empty where nobody looked.
    `lost_records` is how many chats ended and could not be kept, `lacking` what else the results lack, a sentence each.
    """

    targets: tuple[str, ...]
    measured: Sequence[Measured]
    models: Mapping[str, str] = field(default_factory=dict)
    slos: Sequence[ChatSlo] = ()
    unsent: Sequence[Unsent] = ()
    """Only those that count neither way: the others are chats."""
    caveats: Sequence[Caveat] = ()
    paired: bool = True
    findings: Sequence[Mapping[str, object]] = ()
    insides: Sequence[Inside] = ()
    outcomes: Sequence[Mapping[str, object]] = ()
    health: Mapping[str, object] = field(default_factory=dict)
    lost_records: int = 0
    lacking: Sequence[str] = ()
    part: str | None = None
    """Why the run is only a part of what was wanted: it was interrupted, or killed. None for a whole one."""
