"""GPUs during a run, by the exporter of NVIDIA's DCGM.

Names, units and the bits of clock events: DCGM `dcgm_fields.h` (3.x to 4.7), dcgm-exporter `etc/default-counters.csv`. Of
the names for one thing the first that is there counts: DCGM 3.3 renamed the throttle reasons to clock events, DCGM 4.6
the power; clock events are exported only where the collector's file of counters has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter.native.failure import ScrapeError
from exporter.native.scrape import Scraper
from probes import backends
from probes.ask import Endpoint
from probes.numbers.family import Family
from probes.numbers.own_metrics import OwnMetrics
from traffic.schedule import Clock

PAGE = OwnMetrics(prefixes=("DCGM_",), numbers=())
_UTILISATION = "DCGM_FI_DEV_GPU_UTIL"
_MEMORY = "DCGM_FI_DEV_FB_USED"
_POWER = ("DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_BOARD_POWER_WATTS")
_CLOCK = "DCGM_FI_DEV_SM_CLOCK"
_REASONS = ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS")
_NOT_TOLD_FROM = 0x7FFFFFF0
"""DCGM writes numbers from here on for a value that it does not have (`dcgm_fields.h`, `DCGM_INT32_BLANK`)."""
HELD_BACK = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "temperature, by the driver",
    0x40: "temperature, by the hardware",
    0x80: "power brake",
}
"""The clock events that take speed from a GPU which has work; idling, clocks that somebody set, and boosts in step are none."""


@dataclass(frozen=True, slots=True)
class GpuPage:
    """Where an exporter of DCGM answers, and whose engines run on its GPUs. `gpus` are their indices; empty means all."""

    url: str
    targets: tuple[str, ...]
    gpus: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU at one time; None for what the page does not say.

    `held_back` are the reasons why its clocks are lower than they could be; empty where there is none.
    """

    index: str
    host: str = ""
    model: str = ""
    utilisation_ratio: float | None = None
    memory_used_mebibytes: float | None = None
    power_watts: float | None = None
    sm_clock_megahertz: float | None = None
    held_back: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "index": self.index,
            "host": self.host,
            "model": self.model,
            "utilisation_ratio": self.utilisation_ratio,
            "memory_used_mebibytes": self.memory_used_mebibytes,
            "power_watts": self.power_watts,
            "sm_clock_megahertz": self.sm_clock_megahertz,
            "held_back": None if self.held_back is None else list(self.held_back),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReading:
    """What an exporter of DCGM told of one target's GPUs at one time, in seconds since the epoch, or why it told nothing."""

    at: float
    target: str
    block: int
    gpus: tuple[Gpu, ...] = ()
    problem: str | None = None

    def to_json(self) -> dict[str, object]:
        """A line of `native.ndjson`; it has `gpus` where that of an engine has `numbers`."""
        return {
            "at": self.at,
            "target": self.target,
            "block": self.block,
            "gpus": [gpu.to_json() for gpu in self.gpus],
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, object]) -> GpuReading:
        """What `to_json` wrote. Raises `KeyError`, `TypeError` and `ValueError` for anything else."""
        gpus = line["gpus"]
        if not isinstance(gpus, list):
            raise TypeError("gpus is no list")
        problem = line["problem"]
        return cls(
            at=float(str(line["at"])),
            target=str(line["target"]),
            block=int(str(line["block"])),
            gpus=tuple(map(_gpu, gpus)),
            problem=None if problem is None else str(problem),
        )


async def look_at_gpus(page: GpuPage, scraper: Scraper, clock: Clock, *, timeout_seconds: float) -> GpuReading:
    """What the GPUs do now; no key of an engine is shown to their page. `target` and `block` are yet to be set."""
    at = clock.epoch_seconds()
    asked = Endpoint(name="dcgm", backend=backends.unnamed(), url=page.url)
    try:
        families = await scraper.families(asked, page.url, PAGE, timeout_seconds=timeout_seconds)
    except ScrapeError as error:
        return GpuReading(at=at, target="", block=0, problem=f"{error.reason}: {error}")
    found = tuple(gpu for gpu in read(families) if not page.gpus or gpu.index in page.gpus)
    problem = None if found else "no GPU of these on the page" if page.gpus else "no GPU on the page"
    return GpuReading(at=at, target="", block=0, gpus=found, problem=problem)


def read(families: Iterable[Family]) -> tuple[Gpu, ...]:
    """The GPUs of a page, by host and index."""
    found: dict[tuple[str, str], _Told] = {}
    for family in families:
        for sample in family.samples:
            labels = dict(sample.labels)
            if "gpu" in labels and 0 <= sample.value < _NOT_TOLD_FROM:
                key = labels.get("Hostname") or labels.get("hostname", ""), labels["gpu"]
                found.setdefault(key, _Told(labels.get("modelName", ""))).values.setdefault(sample.name, []).append(sample.value)
    return tuple(told.gpu(host, index) for (host, index), told in sorted(found.items()))


@dataclass(slots=True)
class _Told:
    """Of one GPU, by name. One that is cut into several (MIG) has a series for each part."""

    model: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def gpu(self, host: str, index: str) -> Gpu:
        percent, reasons = self._most(_UTILISATION), self._first(*_REASONS)
        return Gpu(
            index=index,
            host=host,
            model=self.model,
            utilisation_ratio=None if percent is None else percent / 100,
            memory_used_mebibytes=self._most(_MEMORY),
            power_watts=self._first(*_POWER),
            sm_clock_megahertz=self._most(_CLOCK),
            held_back=None if reasons is None else tuple(words for bit, words in HELD_BACK.items() if int(reasons) & bit),
        )

    def _most(self, name: str) -> float | None:
        return max(self.values.get(name, ()), default=None)

    def _first(self, *names: str) -> float | None:
        return next((max(self.values[name]) for name in names if name in self.values), None)


def _gpu(written: object) -> Gpu:
    if not isinstance(written, dict):
        raise TypeError("a GPU is an object")
    held_back = written["held_back"]
    return Gpu(**{**written, "held_back": None if held_back is None else tuple(held_back)})
