"""Capacity and cost: what one GPU does, and what a million tokens cost, from a price that somebody gives.

What is not known is said, with how to give it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.engine_side.gpus import GpuReading
from bench.results.reading import Run
from bench.summary.shape import LevelSummary, Summary, TargetAtLevel
from probes.wording import listed

_WRITTEN = re.compile(r"(?:(?P<gpus>\d+)\s*[x×*]\s*)?(?P<amount>\d+(?:\.\d+)?)\s*(?P<currency>[^\W\d_]{2,8}|[$€£¥₹])?(?:\s*/\s*h)?")
_MILLION = 1_000_000
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of a target's hardware costs: `amount` for each of its `gpus`, or for all of it where `gpus` is None."""

    target: str
    amount: float
    currency: str = ""
    gpus: int | None = None

    @property
    def an_hour(self) -> float:
        """Of all of it."""
        return self.amount * (self.gpus or 1)

    @property
    def words(self) -> str:
        """As it was given, like `2 × 1.99 USD an hour`."""
        each = f"{self.amount:,.2f} {self.currency}".strip()
        return f"{self.gpus} × {each} an hour" if self.gpus else f"{each} an hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One engine, at the level where it wrote most. Numbers are None where they are not known.

    `gpus_told_by` says who counted the GPUs. `per_million` is the price of a million output tokens, in the price's currency.
    """

    target: str
    level: str
    tokens_per_second: float
    gpus: int | None
    gpus_told_by: str
    users: float | None
    slo: str | None
    price: Price | None

    @property
    def tokens_per_second_per_gpu(self) -> float | None:
        return self.tokens_per_second / self.gpus if self.gpus else None

    @property
    def users_per_gpu(self) -> float | None:
        return self.users / self.gpus if self.gpus and self.users is not None else None

    @property
    def per_million(self) -> float | None:
        if self.price is None or not self.tokens_per_second:
            return None
        return self.price.an_hour / (self.tokens_per_second * _HOUR_SECONDS) * _MILLION

    @property
    def per_user_hour(self) -> float | None:
        return self.price.an_hour / self.users if self.price is not None and self.users else None


@dataclass(frozen=True, slots=True)
class Costs:
    """All engines, and what is missing, a sentence each."""

    engines: tuple[Cost, ...]
    missing: tuple[str, ...]


def read_price(written: str) -> Price:
    """`vllm=2x1.99USD`: two GPUs at 1.99 USD an hour each; `vllm=3.98`: all of the target's hardware. Raises `ValueError`."""
    target, _, told = written.rpartition("=")
    found = _WRITTEN.fullmatch(told.strip())
    if not target or found is None:
        raise ValueError(f"{written!r} is no price; write NAME=GPUSxPRICE, like vllm=2x1.99USD: two GPUs at 1.99 USD an hour each")
    gpus = found["gpus"] and int(found["gpus"])
    if gpus == 0:
        raise ValueError(f"{written!r} has no GPU; write how many the engine runs on, like vllm=2x1.99USD")
    return Price(target.strip(), float(found["amount"]), found["currency"] or "", gpus or None)


def gpus_seen(run: Run) -> Mapping[str, int]:
    """How many GPUs an exporter of DCGM told of, by target; targets of which it told none are left out. Raises `ResultsError`."""
    seen: dict[str, set[tuple[str, str]]] = {}
    for row in run.native():
        if "gpus" in row:
            seen.setdefault(row["target"], set()).update((gpu.host, gpu.index) for gpu in GpuReading.from_json(row).gpus)
    return {target: len(gpus) for target, gpus in seen.items() if gpus}


def costs(summary: Summary, gpus: Mapping[str, int], prices: Sequence[Price]) -> Costs:
    """What is known. `gpus` are those that were seen; what a price says of them holds above that."""
    by_target = {price.target: price for price in prices}
    engines = tuple(_cost(summary, target, gpus, by_target.get(target)) for target in summary.targets if _busiest(summary, target) is not None)
    return Costs(engines, tuple(_missing(engines)))


def _cost(summary: Summary, target: str, gpus: Mapping[str, int], price: Price | None) -> Cost:
    found = _busiest(summary, target)
    assert found is not None
    level, at = found
    users, slo = _capacity(summary, target)
    given = price.gpus if price else None
    told_by = "as given" if given else "as NVIDIA's DCGM told" if target in gpus else ""
    return Cost(
        target=target, level=level.name, tokens_per_second=at.throughput.value or 0.0, gpus=given or gpus.get(target), gpus_told_by=told_by,
        users=users, slo=slo, price=price,
    )  # fmt: skip


def _busiest(summary: Summary, target: str) -> tuple[LevelSummary, TargetAtLevel] | None:
    """Where the engine wrote most."""
    seen = [(level, one) for level in summary.levels for one in level.targets if one.target == target and one.throughput.value is not None]
    return max(seen, key=lambda each: each[1].throughput.value or 0.0, default=None)


def _capacity(summary: Summary, target: str) -> tuple[float | None, str | None]:
    """(users at once within the SLO, the SLO's name), as a course of the run has found them."""
    for outcome in summary.outcomes:
        figures = outcome.get("figures")
        if outcome.get("kind") == "capacity" and outcome.get("target") == target and isinstance(figures, dict):
            users, slo = figures.get("users"), figures.get("slo")
            return (float(users) if isinstance(users, int | float) else None), (str(slo) if slo is not None else None)
    return None, None


def _missing(engines: Sequence[Cost]) -> Iterator[str]:
    without_gpus = [cost.target for cost in engines if cost.gpus is None]
    without_price = [cost.target for cost in engines if cost.price is None]
    without_users = [cost.target for cost in engines if cost.users is None]
    if without_gpus:
        runs = "runs" if len(without_gpus) == 1 else "run"
        yield (
            f"How many GPUs {listed(without_gpus)} {runs} on is not known. An exporter of NVIDIA's DCGM tells it during a run; "
            f"or say it with the price: --price {without_gpus[0]}=2x1.99USD are two GPUs at 1.99 USD an hour each."
        )
    elif without_price:
        yield f"What an hour of {listed(without_price)} costs is not known: --price {without_price[0]}=1x1.99USD says it, in any currency."
    if without_users:
        yield (
            f"How many users {listed(without_users)} can serve within an SLO is not known of this run: "
            "a search, a sweep or levels of users with --slo NAME tell it."
        )
