"""What the numbers mean for somebody who sits before the chat: the wait for the first word, and whether the text keeps up with the eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isinf

from bench.measures import STALL, TPOT, TTFT
from bench.report.plain import all_of, in_seconds, times, told_levels, usual, with_level
from bench.summary.shape import Comparison, LevelSummary, Summary, TargetAtLevel
from config.bench_slos import PRESETS
from probes.wording import listed

WORDS = 200
"""Of the answer that is told of."""
WORDS_A_TOKEN = 0.75
"""In English, by the source of the SLO `reading`."""
ANSWER_TOKENS = round(WORDS / WORDS_A_TOKEN)
AT_ONCE_SECONDS, IN_THOUGHT_SECONDS, ATTENTION_SECONDS = 0.1, 1.0, 10.0
"""What feels instant, what keeps one's train of thought, what keeps one's attention (Nielsen, *Usability Engineering*, 1993, chapter 5)."""
_STANDS_STILL_SECONDS = 0.5
_READING_TPOT_SECONDS = PRESETS["reading"].tpot_seconds or 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """What one engine was like at a level. Times are seconds of the usual chat, failed ones counted as the worst; None where not known."""

    target: str
    first_word_seconds: float | None
    late_first_word_seconds: float | None
    token_seconds: float | None
    answer_seconds: float | None
    late_stall_seconds: float | None

    @property
    def read_as_it_comes(self) -> bool | None:
        """Whether the text comes at least as fast as most adults read. None where that is not known."""
        return None if self.token_seconds is None or isinf(self.token_seconds) else self.token_seconds <= _READING_TPOT_SECONDS

    @property
    def words_a_minute(self) -> float | None:
        """How fast the text comes."""
        return None if not self.token_seconds or isinf(self.token_seconds) else 60 / self.token_seconds * WORDS_A_TOKEN


@dataclass(frozen=True, slots=True)
class FeltAtLevel:
    """One level, in sentences and by engine."""

    level: str
    sentences: tuple[str, ...]
    engines: tuple[Felt, ...]


def felt(summary: Summary) -> tuple[FeltAtLevel, ...]:
    """The levels of the first screen."""
    return tuple(_at_level(summary, level) for level in told_levels(summary))


def felt_of(target: TargetAtLevel) -> Felt:
    """One engine at one level."""
    first, token = usual(target, TTFT.name), usual(target, TPOT.name)
    return Felt(
        target=target.target,
        first_word_seconds=first,
        late_first_word_seconds=usual(target, TTFT.name, 0.95),
        token_seconds=token,
        answer_seconds=None if first is None or token is None else first + (ANSWER_TOKENS - 1) * token,
        late_stall_seconds=usual(target, STALL.name, 0.95),
    )


def _at_level(summary: Summary, level: LevelSummary) -> FeltAtLevel:
    engines = tuple(felt_of(target) for target in level.targets)
    compared = [row for row in summary.comparisons if row.level == level.name and summary.verdict.trusted]
    sentences = (*first_words(engines, compared), *_thoughts(engines), *reading(engines), *_standing_still(engines))
    return FeltAtLevel(level.name, sentences, engines)


def first_words(engines: Sequence[Felt], compared: Sequence[Comparison]) -> Iterator[str]:
    """How long people wait with each. One is told to be sooner than another only where these comparisons say so."""
    having = sorted((engine for engine in engines if engine.first_word_seconds is not None), key=lambda each: each.first_word_seconds or 0.0)
    if not having:
        yield "No first word came."
        return
    first, last = having[0], having[-1]
    soonest, latest = first.first_word_seconds or 0.0, last.first_word_seconds or 0.0
    if len(having) == 1:
        yield f"The first word comes after {in_seconds(soonest)}."
    elif isinf(latest):
        none = [engine.target for engine in having if isinf(engine.first_word_seconds or 0.0)]
        told = [engine for engine in having if engine.target not in none]
        answered = [f"after {in_seconds(engine.first_word_seconds or 0.0)} with {engine.target}" for engine in told]
        yield f"Of {listed(none)}, more than half of the chats failed." + (f" The first word comes {listed(answered)}." if answered else "")
    elif _won(compared, first.target, last.target):
        yield f"The first word comes after {in_seconds(soonest)} with {first.target} instead of {in_seconds(latest)} with {last.target}."
    else:
        told_of = listed([f"{in_seconds(engine.first_word_seconds or 0.0)} with {engine.target}" for engine in having])
        yield f"The first word comes after {told_of}{'; no difference was seen between the first and the last of these' if compared else ''}."


def _won(compared: Sequence[Comparison], winner: str, loser: str) -> bool:
    return any(row.measure == TTFT.name and row.quantile == 0.5 and row.winner == winner and loser in (row.a, row.b) for row in compared)


def _thoughts(engines: Sequence[Felt]) -> Iterator[str]:
    """What a wait does to somebody, where it is one."""
    known = [(engine.target, engine.first_word_seconds) for engine in engines if engine.first_word_seconds is not None]
    lost = [target for target, seconds in known if seconds > ATTENTION_SECONDS]
    broken = [target for target, seconds in known if IN_THOUGHT_SECONDS < seconds <= ATTENTION_SECONDS]
    if lost:
        yield f"With {listed(lost)} people turn to something else: more than {ATTENTION_SECONDS:.0f} s lose their attention."
    if broken:
        yield f"With {listed(broken)} they lose their train of thought, which more than {IN_THOUGHT_SECONDS:.0f} s of waiting does."
    if known and all(seconds <= AT_ONCE_SECONDS for _, seconds in known):
        yield "That feels instant, as everything below 0.1 s does."
    elif known and not lost and not broken:
        yield "Nobody loses their train of thought meanwhile: that takes more than 1 s."


def reading(engines: Sequence[Felt]) -> Iterator[str]:
    """Whether the text of each comes as fast as people read."""
    known = [engine for engine in engines if engine.read_as_it_comes is not None]
    keeping = [engine for engine in known if engine.read_as_it_comes]
    if keeping and len(keeping) == len(engines):
        slowest = min(engine.words_a_minute or 0.0 for engine in keeping)
        whom = f" with {all_of(len(keeping))}" if len(keeping) > 1 else ""
        faster = times(slowest / (60 / _READING_TPOT_SECONDS * WORDS_A_TOKEN))
        slower = "the slowest text comes" if len(keeping) > 1 else "the text comes"
        yield f"A {WORDS}-word answer is read as it comes{whom}: {slower} {faster} as fast as most adults read."
    elif keeping:
        yield f"A {WORDS}-word answer is read as it comes with {listed([engine.target for engine in keeping])}."
    for engine in known:
        if not engine.read_as_it_comes:
            pace = f"{engine.words_a_minute or 0.0:.0f} words a minute"
            yield f"With {engine.target} people wait for the text, which comes at {pace}; most adults read 300."


def _standing_still(engines: Sequence[Felt]) -> Iterator[str]:
    for engine in engines:
        stall = engine.late_stall_seconds
        if stall is not None and stall > _STANDS_STILL_SECONDS and not isinf(stall):
            yield f"With {engine.target} one answer in twenty stands still in mid-sentence for {in_seconds(stall)} or longer."


def in_words(level: str) -> str:
    """A heading of a level: `With 8 users`."""
    told = with_level(level)
    return told[0].upper() + told[1:]
