"""Which labels the answer to a query can have, by what it is made of. None: any."""

from __future__ import annotations

from functools import reduce

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
)

from dashboards.lint import tree
from dashboards.lint.series import LE, find

Labels = frozenset[str] | None
NONE: frozenset[str] = frozenset()
_KEEPING = ("topk", "bottomk", "limitk", "limit_ratio")
"""Aggregations that keep the labels of what they choose."""


def possible(expr: Expr) -> Labels:
    """Of the whole expression."""
    match expr:
        case VectorSelector():
            series = find(tree.name(expr))
            return series.labels if series else None
        case AggregateExpr():
            return _aggregated(expr)
        case BinaryExpr():
            return _combined(expr)
        case Call():
            return _called(expr)
        case MatrixSelector():
            return possible(expr.vector_selector)
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return possible(expr.expr)
        case NumberLiteral() | StringLiteral():
            return NONE
    return None


def _aggregated(expr: AggregateExpr) -> Labels:
    within = possible(expr.expr)
    added = frozenset(_string(expr.param)) if str(expr.op) == "count_values" else NONE
    if expr.modifier is None:
        return within if str(expr.op) in _KEEPING else added
    named = frozenset(expr.modifier.labels)
    if expr.modifier.type == AggModifierType.Without:
        return None if within is None else within - named | added
    if str(expr.op) in _KEEPING:
        return within
    return (named if within is None else within & named) | added


def _combined(expr: BinaryExpr) -> Labels:
    left, right, how = possible(expr.lhs), possible(expr.rhs), expr.modifier
    if str(expr.op) == "or":
        return _either(left, right)
    if str(expr.op) in ("and", "unless"):
        return left
    if how is not None and how.card == VectorMatchCardinality.ManyToOne:
        return _either(left, frozenset(how.group_labels or ()))
    if how is not None and how.card == VectorMatchCardinality.OneToMany:
        return _either(right, frozenset(how.group_labels or ()))
    if how is not None and how.matching is not None:
        named = frozenset(how.matching.labels)
        if how.matching.type == LabelModifierType.Include:
            return named if left is None else left & named
        return None if left is None else left - named
    return _either(left, right)


def _called(expr: Call) -> Labels:
    function = expr.func.name
    if function in ("vector", "scalar", "time", "pi") or not expr.args:
        return NONE
    if function in ("label_replace", "label_join"):
        return _either(possible(expr.args[0]), frozenset(_string(expr.args[1])))
    first, *others = map(possible, expr.args)
    within = reduce(_either, others, first)
    return within - {LE} if function == "histogram_quantile" and within is not None else within


def _either(one: Labels, other: Labels) -> Labels:
    return None if one is None or other is None else one | other


def _string(expr: object) -> tuple[str, ...]:
    return (expr.val,) if isinstance(expr, StringLiteral) else ()
