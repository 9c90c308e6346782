"""A change judged by its interval, never by its point.

A candidate FAILs a measure where even the better bound of its interval is worse than the baseline by more than the
threshold. It PASSes where even the worse bound is not. Else it is INCONCLUSIVE.

What fails is judged by intervals that hold for everything that is looked at together, else one measure of twenty would
fail by chance. What passes needs each measure's own interval only: the whole passes where every measure does, so that
it is wrong no more often than any one of them (an intersection-union test: Berger, Technometrics 24, 1982).
"""

from __future__ import annotations

from bench.comparing.verdict import Basis, Change, Outcome
from bench.comparing.wording import allowed, share
from bench.question import Question
from bench.statistics.comparison import Comparison


def decided(question: Question, change: Change, comparison: Comparison, threshold: float, family: int) -> tuple[Outcome, str]:
    """The outcome and why. `family` is how many changes are looked at together."""
    least = min(_worse(question, change, change.low_corrected), _worse(question, change, change.high_corrected))
    least_alone = min(_worse(question, change, change.low), _worse(question, change, change.high))
    most = max(_worse(question, change, change.low), _worse(question, change, change.high))
    limit = allowed(threshold, question)
    if least > threshold:
        return Outcome.FAIL, f"worse by at least {share(least, question)}; {limit} is allowed"
    if most <= threshold:
        surely = -max(_worse(question, change, change.low_corrected), _worse(question, change, change.high_corrected))
        return Outcome.PASS, f"better by at least {share(surely, question)}" if surely > 0 else f"worse by {share(max(most, 0.0), question)} at most"
    if least_alone > threshold:
        return (
            Outcome.INCONCLUSIVE,
            f"worse by at least {share(least_alone, question)} if it were looked at alone; one of {family} may look so by chance",
        )
    return Outcome.INCONCLUSIVE, f"may be worse by {share(most, question)}; {limit} is allowed{_more(comparison, change, threshold)}"


def _worse(question: Question, change: Change, bound: float) -> float:
    """By how much the candidate is worse at this bound, as a share of the baseline; of shares in points."""
    difference = bound - 1 if change.is_ratio else bound
    return difference if question.quality.lower_is_better else -difference


def _more(comparison: Comparison, change: Change, threshold: float) -> str:
    if threshold <= 0 or change.basis is Basis.STRETCHES:
        return ""
    wanted = comparison.rounds_for(threshold)
    if wanted is None or wanted <= change.replicates:
        return ""
    return f"; about {wanted} {change.basis} a side would tell"
