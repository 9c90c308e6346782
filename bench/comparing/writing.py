"""A verdict as JSON, for programs."""

from __future__ import annotations

from bench.comparing.verdict import Change, JudgedChange, JudgedCondition, Sort, Verdict

SCHEMA = 1


def to_json(verdict: Verdict) -> dict[str, object]:
    """One object. `ratio` and `difference` are the candidate's over, or less, the baseline's; times are in seconds, shares of 1."""
    return {
        "schema": SCHEMA,
        "verdict": verdict.outcome,
        "confidence": verdict.confidence,
        "baseline": list(verdict.baseline),
        "candidate": list(verdict.candidate),
        "grounds": list(verdict.grounds),
        "notes": list(verdict.notes),
        "unlike": [entry for sort in verdict.sorts for entry in _unlike(sort)],
        "comparisons": [_change(judged) for judged in verdict.changes],
        "conditions": [_condition(judged) for judged in verdict.conditions],
    }


def _unlike(sort: Sort) -> list[dict[str, object]]:
    return [
        {
            "target": sort.target,
            "level": sort.level,
            "fact": difference.fact,
            "baseline": difference.baseline,
            "candidate": difference.candidate,
            "expected": difference.expected and difference.within is None,
        }
        for difference in sort.likeness.differences
    ]


def _change(judged: JudgedChange) -> dict[str, object]:
    return {
        "target": judged.target,
        "level": judged.level,
        "measure": judged.question.measure,
        "quantile": judged.question.quantile,
        "verdict": judged.outcome,
        "why": judged.why,
        "threshold": judged.threshold,
        "baseline": judged.baseline,
        "candidate": judged.candidate,
        "definition": judged.definition,
        **(_bounds(judged.change) if judged.change else {}),
    }


def _bounds(change: Change) -> dict[str, object]:
    return {
        "ratio" if change.is_ratio else "difference": change.effect,
        "low": change.low_corrected,
        "high": change.high_corrected,
        "low_alone": change.low,
        "high_alone": change.high,
        "over": change.basis,
        "replicates": change.replicates,
    }


def _condition(judged: JudgedCondition) -> dict[str, object]:
    return {
        "run": judged.run,
        "target": judged.target,
        "level": judged.level,
        "condition": judged.condition.text,
        "verdict": judged.outcome,
        "why": judged.why,
        "value": judged.value,
        "low_alone": judged.low,
        "high_alone": judged.high,
        "over": judged.basis,
    }
