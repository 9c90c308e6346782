"""What Prometheus scrapes from chatprobe while something happens: stories of chats, and series with given values, as promtool reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, sqrt
from types import MappingProxyType

from catalogue import own
from catalogue.metric import Metric
from exporter.metrics.exponential import SCHEMA, bucket_of

EVERY_SECONDS = 15
INSTANCE, OTHER_INSTANCE = "chatprobe-0:9840", "chatprobe-1:9840"
VLLM = MappingProxyType({"target": "llm/vllm", "backend": "vllm", "model": "Qwen/Qwen2.5-7B-Instruct"})
TGI = MappingProxyType({"target": "llm/tgi", "backend": "tgi", "model": "tgi"})
OLLAMA = MappingProxyType({"target": "llm/ollama", "backend": "ollama", "model": "gemma3:4b"})

Series = dict[str, str]
_FAMILIES = {metric.name: metric for metric in own.CATALOGUE}


Wanted = Callable[[str], bool]
"""Whether the samples of a name are to be told."""


class Story(Mapping[str, str]):
    """Series that are written when they are first read: each process that shares the tests collects all stories, and is told a few of them."""

    def __init__(self, *parts: Callable[[Wanted], Mapping[str, str]]) -> None:
        self._parts = parts

    def of(self, wanted: Wanted) -> Series:
        """Some of them. A chat touches a hundred series, and an alert is made of a few."""
        return {name: samples for part in self._parts for name, samples in part(wanted).items()}

    def __or__(self, more: Mapping[str, str]) -> Story:
        return Story(self.of, more.of if isinstance(more, Story) else lambda _: more)

    def __getitem__(self, name: str) -> str:
        return self._written[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)

    @cached_property
    def _written(self) -> Series:
        return self.of(lambda _: True)


@dataclass(frozen=True, slots=True)
class Chat:
    """One that ended, with what of it is measured: None is not observed. `token` says whether its first token came: TTFT has the time that
    others waited in vain."""

    reason: str | None = None
    ttft: float | None = 0.1
    stall: float | None = 0.02
    e2e: float = 1.0
    token: bool = True
    gathered: bool = False
    loads: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """One that was due and not sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Nobody tells of the chats: chatprobe does not run, or does not know the target, or not by that model."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """chatprobe has begun anew: counters are at 0, gauges are absent until there is something to say."""


OK = Chat()
REFUSED = Chat("connect", ttft=None, stall=None, e2e=0.001, token=False)
LOAD_FAILED = Chat("model_load", ttft=None, stall=None, e2e=0, token=False)
MODEL_MISSING = Chat("model_missing", ttft=None, stall=None, e2e=0.01, token=False)
NO_TOKEN_IN_TIME = Chat("first_token_timeout", ttft=10.0, stall=None, e2e=10.0, token=False)
TIMED_OUT_WITHOUT_TOKEN = Chat("timeout", ttft=30.0, stall=None, e2e=30.0, token=False)
CUT = Chat("truncated", e2e=30.0)
STALLED = Chat(stall=4.0, e2e=6.0)
LOADS = Chat(ttft=0.32, loads=True)
GATHERED = Chat(ttft=0.21, stall=0.25, gathered=True)
WRONG = Chat("validation")
NOTHING: tuple[Chat | Skip, ...] = ()
GONE, RESTARTED = Gone(), Restarted()
Moment = Chat | Skip | Gone | Restarted | Sequence[Chat | Skip]
"""What has happened between two scrapes."""


def lasting(minutes: float, *moments: Moment, every_seconds: int = EVERY_SECONDS) -> list[Moment]:
    """These moments again and again, one a scrape, for so long."""
    scrapes = round(minutes * 60 / every_seconds)
    return [moments[index % len(moments)] for index in range(scrapes)]


def with_fraction(bound: float) -> str:
    """`le` as chatprobe and Prometheus 3 write it: 60.0."""
    return "+Inf" if bound == inf else str(float(bound))


def without_fraction(bound: float) -> str:
    """`le` as others write it: 60."""
    return "+Inf" if bound == inf else f"{bound:g}"


def seldom(*moments: Moment, minutes: float, every_seconds: int = EVERY_SECONDS) -> list[Moment]:
    """These moments one after the other, so many minutes from one to the next, and nothing between them."""
    told: list[Moment] = []
    for moment in moments:
        told += [moment, *[NOTHING] * (round(minutes * 60 / every_seconds) - 1)]
    return told


def chats(
    story: Sequence[Moment],
    *,
    target: Mapping[str, str] = VLLM,
    scenario: str = "heartbeat",
    interval: float = 15,
    timeout: float = 30,
    instance: str = INSTANCE,
    every_seconds: int = EVERY_SECONDS,
    le: Callable[[float], str] = with_fraction,
) -> Story:
    """Everything that is told of one target's chats of one scenario; the first moment's chats have ended at 0s."""
    labels = {**target, "scenario": scenario}

    def written(wanted: Wanted) -> Series:
        told: Series = {}
        for (family, name, more), samples in _kept(story, every_seconds, le, wanted).samples.items():
            told |= series(_FAMILIES[family], samples, name=name, instance=instance, **labels, **dict(more))
        for metric, value in ((own.SCENARIO_INTERVAL, interval), (own.SCENARIO_TIMEOUT, timeout)):
            told |= series(metric, [value] * len(story), instance=instance, scenario=scenario)
        return told

    return Story(written)


def _kept(story: Sequence[Moment], every_seconds: int, le: Callable[[float], str], wanted: Wanted) -> _Kept:
    """What is scraped after each moment."""
    kept = _Kept(le, wanted)
    for scrape, moment in enumerate(story):
        match moment:
            case Gone():
                kept.forget(counters_too=True)
            case Restarted():
                kept.forget(counters_too=False)
            case Chat() | Skip():
                kept.take([moment], scrape * every_seconds)
            case _:
                kept.take(moment, scrape * every_seconds)
        kept.scrape()
    return kept


def series(metric: Metric, samples: Iterable[float | None], *, name: str | None = None, instance: str = INSTANCE, **labels: str) -> Series:
    """One series with these samples, None where it is not there. `name` is that of a histogram's part."""
    assert labels.keys() - {"le"} == set(metric.labels) - ({"replica"} - labels.keys()), f"{metric.name} has other labels than {sorted(labels)}"
    return {_named(name or metric.name, instance, labels): _values(samples)}


def up(samples: Iterable[float | None], *, instance: str = INSTANCE) -> Series:
    """Prometheus's own word for whether it could scrape."""
    return {_named("up", instance, {}): _values(samples)}


_BUCKET = re.compile(r'(?P<name>[\w:]+)_bucket\{(?P<labels>.*),le="(?P<le>[^"]+)"\}')
_PART = re.compile(r"(?P<name>[\w:]+)_(?:bucket|sum|count)\{")


def converted(told: Mapping[str, str]) -> Series:
    """The same where Prometheus keeps classic histograms as native ones (`convert_classic_histograms_to_nhcb`). Sums are left out of them.

    Two buckets that no chat ever falls into are told as one, which changes no quantile: promtool takes 10,000 samples at once, and counts each native
    one by its buckets.
    """
    return _as_natives(told, _natives)


def exponential(told: Mapping[str, str]) -> Series:
    """The same where Prometheus takes the native histograms of ours (`metrics.native_histograms`). Sums are left out of them."""
    return _as_natives(told, _exponentials)


def _as_natives(told: Mapping[str, str], natives: Callable[[Mapping[float, Sequence[str]]], Iterator[str]]) -> Series:
    histograms: dict[str, dict[float, list[str]]] = {}
    for name, values in told.items():
        if (match := _BUCKET.fullmatch(name)) is not None:
            histograms.setdefault(f"{match['name']}{{{match['labels']}}}", {})[float(match["le"])] = values.split(" ")
    families = {name.partition("{")[0] for name in histograms}
    kept = {name: values for name, values in told.items() if (part := _PART.match(name)) is None or part["name"] not in families}
    needed = {family: _needed([buckets for name, buckets in histograms.items() if name.partition("{")[0] == family]) for family in families}
    return kept | {
        name: " ".join(natives({bound: samples for bound, samples in buckets.items() if bound in needed[name.partition("{")[0]]}))
        for name, buckets in histograms.items()
    }


def _needed(family: Sequence[Mapping[float, Sequence[str]]]) -> set[float]:
    """The bounds with a bucket beside them that is ever used, in any of these histograms, and the last two."""
    needed: set[float] = set()
    for buckets in family:
        bounds = sorted(buckets)
        used = [buckets[bounds[0]] != ["0"] * len(buckets[bounds[0]]), *(buckets[below] != buckets[bound] for below, bound in pairwise(bounds))]
        needed |= {bound for bound, below, above in zip(bounds, used, [*used[1:], True], strict=True) if below or above} | {*bounds[-2:]}
    return needed


def _natives(buckets: Mapping[float, Sequence[str]]) -> Iterator[str]:
    bounds = sorted(buckets)
    custom = " ".join(f"{bound:g}" for bound in bounds[:-1])
    for samples in zip(*(buckets[bound] for bound in bounds), strict=True):
        if samples[-1] in ("_", "stale"):
            yield samples[-1]
            continue
        counts = [float(sample) for sample in samples]
        each = " ".join(f"{count - before:g}" for before, count in pairwise((0.0, *counts)))
        yield f"{{{{schema:-53 count:{counts[-1]:g} custom_values:[{custom}] buckets:[{each}]}}}}"


_MOST_BUCKETS = 12
"""Of a native histogram in a story: promtool, which takes 10,000 samples at once, counts empty ones between others too."""


def _exponentials(buckets: Mapping[float, Sequence[str]]) -> Iterator[str]:
    """With the finest schema that has few enough buckets."""
    bounds = sorted(buckets)
    scraped = [dict(zip(bounds, samples, strict=True)) for samples in zip(*(buckets[bound] for bound in bounds), strict=True)]
    told = [{bound: float(count) for bound, count in sample.items()} for sample in scraped if sample[inf] not in ("_", "stale")]
    values = [value for sample in told for value in _middles(sample)]
    schema = SCHEMA
    while values and bucket_of(max(values), schema) - bucket_of(min(values), schema) >= _MOST_BUCKETS:
        schema -= 1
    for sample in scraped:
        whole = sample[inf]
        yield whole if whole in ("_", "stale") else told_exponentially({bound: float(count) for bound, count in sample.items()}, schema=schema)


def _middles(buckets: Mapping[float, float]) -> dict[float, float]:
    """How much was observed between two bounds, by the middle between them."""
    found: dict[float, float] = {}
    low, before = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count > before:
            found[bound / 2 if low == 0 else 2 * low if bound == inf else sqrt(low * bound)] = count - before
        low, before = bound, count
    return found


def told_exponentially(buckets: Mapping[float, float], total: float = 0, schema: int = SCHEMA) -> str:
    """A sample of a native histogram in which all that fell between two bounds is in the middle between them."""
    observed: dict[int, float] = {}
    for value, count in _middles(buckets).items():
        bucket = bucket_of(value, schema)
        observed[bucket] = observed.get(bucket, 0) + count
    first = min(observed, default=0)
    each = " ".join(f"{observed.get(bucket, 0):g}" for bucket in range(first, max(observed, default=0) + 1))
    return f"{{{{schema:{schema} sum:{total} count:{sum(observed.values()):g} offset:{first} buckets:[{each}]}}}}"


def _named(name: str, instance: str, labels: Mapping[str, str]) -> str:
    pairs = [f'{label}="{value}"' for label, value in {"job": "chatprobe", "instance": instance, **labels}.items()]
    return f"{name}{{{','.join(pairs)}}}"


def _values(samples: Iterable[float | None]) -> str:
    """As promtool reads them. A series that ends is marked stale, as Prometheus does with what a scrape no longer has."""
    written = []
    before: float | None = None
    text = "_"
    for sample in samples:
        if sample is None:
            text = "_" if before is None else "stale"
        elif sample != before:  # most are as they were
            text = "Inf" if sample == inf else f"{sample:.10g}"
        written.append(text)
        before = sample
    return " ".join(written)


_Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""A series by its family's name, its own name, and the labels that its family's other series do not share."""
_HISTOGRAMS = (
    *((metric, ()) for metric in (own.TTFT, own.STALL, own.ITL, own.TPOT)),
    *((own.E2E, (("outcome", outcome),)) for outcome in own.OUTCOMES),
    (own.PHASE_SECONDS, (("phase", "wait"),)),
)


class _Kept:
    """The values of the series that are wanted of one target's chats of one scenario, and their samples so far."""

    def __init__(self, le: Callable[[float], str], wanted: Wanted) -> None:
        self._wanted = wanted
        self.samples: dict[_Key, list[float | None]] = {}
        self._scrapes = 0
        self._buckets = {_key(metric, *more): _buckets(metric, more, le) if wanted(metric.bucket) else [] for metric, more in _HISTOGRAMS}
        self._zeros = self._all_zeros()
        self._counters = dict(self._zeros)
        self._gauges: dict[_Key, float] = {}
        self._there = True

    def take(self, events: Sequence[Chat | Skip], now: float) -> None:
        self._there = True
        for event in events:
            if isinstance(event, Skip):
                self._count(own.PROBE_SKIPPED, ("reason", event.reason))
            else:
                self._take_chat(event, now)

    def forget(self, *, counters_too: bool) -> None:
        self._there = not counters_too
        self._counters, self._gauges = dict(self._zeros), {}

    def scrape(self) -> None:
        gauges = {key: value for key, value in self._gauges.items() if self._wanted(key[1])}
        values = {**self._counters, **gauges} if self._there else {}
        for key in values:
            if key not in self.samples:
                self.samples[key] = [None] * self._scrapes
        for key, samples in self.samples.items():
            samples.append(values.get(key))
        self._scrapes += 1

    def _take_chat(self, chat: Chat, now: float) -> None:
        self._count(own.PROBES)
        self._gauges[_key(own.PROBE_SUCCESS)] = chat.reason is None
        self._gauges[_key(own.LAST_PROBE)] = now
        if chat.reason is None:
            self._gauges[_key(own.LAST_SUCCESS)] = now
        else:
            self._count(own.PROBE_FAILURES, ("reason", chat.reason))
        self._observe(own.E2E, chat.e2e, ("outcome", "ok" if chat.reason is None else "failed"))
        if chat.ttft is not None:
            self._observe(own.TTFT, chat.ttft)
        if chat.stall is not None:
            for metric in (own.STALL, own.ITL, own.TPOT):
                self._observe(metric, chat.stall)
        if chat.gathered:
            self._count(own.GATHERED)
        if chat.loads:
            self._count(own.UNWANTED_LOADS)
        if chat.token:
            self._observe(own.PHASE_SECONDS, chat.ttft or 0, ("phase", "wait"))

    def _count(self, metric: Metric, *more: tuple[str, str]) -> None:
        self._add(_key(metric, *more))

    def _observe(self, metric: Metric, value: float, *more: tuple[str, str]) -> None:
        self._add((metric.name, metric.count, more))
        for bound, key in self._buckets[_key(metric, *more)]:
            if value <= bound:
                self._counters[key] += 1

    def _add(self, key: _Key) -> None:
        if key in self._counters:
            self._counters[key] += 1

    def _all_zeros(self) -> dict[_Key, float]:
        zeros = {_key(metric): 0.0 for metric in (own.PROBES, own.GATHERED, own.UNWANTED_LOADS)}
        zeros |= {_key(own.PROBE_FAILURES, ("reason", reason)): 0.0 for reason in own.FAILURE_REASONS}
        zeros |= {_key(own.PROBE_SKIPPED, ("reason", reason)): 0.0 for reason in own.SKIP_REASONS}
        for metric, more in _HISTOGRAMS:
            zeros[metric.name, metric.count, more] = 0.0
            zeros |= {key: 0.0 for _, key in self._buckets[_key(metric, *more)]}
        return {key: value for key, value in zeros.items() if self._wanted(key[1])}


def _key(metric: Metric, *more: tuple[str, str]) -> _Key:
    return metric.name, metric.name, more


def _buckets(metric: Metric, more: tuple[tuple[str, str], ...], le: Callable[[float], str]) -> list[tuple[float, _Key]]:
    """The bounds of a histogram, and the series that counts what is not above each."""
    return [(bound, (metric.name, metric.bucket, (*more, ("le", le(bound))))) for bound in (*metric.bounds, inf)]
