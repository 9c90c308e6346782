"""Walks through a PromQL expression."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatchOp,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

Way = tuple[Expr, ...]
"""The nodes from the outermost down to the parent of one."""


def visits(expr: Expr, way: Way = ()) -> Iterator[tuple[Expr, Way]]:
    """Every node with the way to it, outermost first."""
    yield expr, way
    for below in children(expr):
        yield from visits(below, (*way, expr))


def children(expr: Expr) -> Iterator[Expr]:
    match expr:
        case AggregateExpr():
            yield expr.expr
            if isinstance(expr.param, Expr):
                yield expr.param
        case BinaryExpr():
            yield expr.lhs
            yield expr.rhs
        case Call():
            yield from expr.args
        case MatrixSelector():
            yield expr.vector_selector
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            yield expr.expr


def selectors(expr: Expr) -> Iterator[tuple[VectorSelector, Way]]:
    """Every selector, with the way to it."""
    return ((node, way) for node, way in visits(expr) if isinstance(node, VectorSelector))


def name(selector: VectorSelector) -> str:
    """The metric that it selects; empty if it names none."""
    if selector.name:
        return selector.name
    return next((matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__" and matcher.op == MatchOp.Equal), "")


def has_variable(selector: VectorSelector, label: str) -> bool:
    """Whether it has exactly the matcher `label=~"$label"`."""
    return any(matcher.name == label and matcher.op == MatchOp.Re and matcher.value == f"${label}" for matcher in selector.matchers.matchers)


def call_over(way: Way) -> tuple[str, timedelta | None]:
    """The function around a range of a selector, and the range; empty and None where there is none."""
    function = way[-2] if len(way) > 1 and isinstance(way[-1], MatrixSelector) else None
    if not isinstance(function, Call) or not isinstance(way[-1], MatrixSelector):
        return "", None
    return function.func.name, way[-1].range
