"""What a PromQL expression is about: the metrics that it names, its numbers, and the thresholds that it compares with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import timedelta

import promql_parser as promql

_COMPARED = re.compile(r"(?:[<>]=?|[!=]=)\s*(?:bool\s+)?(?P<number>[0-9.]+)(?:\s*\*\s*(?P<times>[0-9]+))?\s*(?:\n|\)|$)")
_BOUNDARY = re.compile(r"[0-9.]*[0-9]")


def nodes(expression: promql.Expr) -> Iterator[promql.Expr]:
    """The expression and all that it is made of."""
    yield expression
    for part in _parts(expression):
        yield from nodes(part)


def names(expression: promql.Expr) -> set[str]:
    """The metrics that are selected."""
    return {node.name for node in nodes(expression) if isinstance(node, promql.VectorSelector) and node.name is not None}


def numbers(expression: promql.Expr) -> set[float]:
    """Its literals, products of two of them, ranges and offsets in seconds, and boundaries of buckets."""
    return set(_numbers(expression))


def thresholds(text: str) -> set[float]:
    """The numbers that it compares with, but for 0 and 1, which only ask whether there is any."""
    return {_meant(float(match["number"]) * float(match["times"] or 1)) for match in _COMPARED.finditer(text)} - {0.0, 1.0}


def _meant(number: float) -> float:
    """Rules write `> 2.5` of an increase, which is extrapolated and so no whole number, where 3 are meant."""
    return float(math.ceil(number)) if number > 2 and number % 1 == 0.5 else number


def _parts(expression: promql.Expr) -> tuple[promql.Expr, ...]:
    match expression:
        case promql.BinaryExpr():
            return (expression.lhs, expression.rhs)
        case promql.Call():
            return tuple(expression.args)
        case promql.AggregateExpr():
            return (expression.expr,) if expression.param is None else (expression.param, expression.expr)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return (expression.expr,)
        case promql.MatrixSelector():
            return (expression.vector_selector,)
        case _:
            return ()


def _numbers(expression: promql.Expr) -> Iterator[float]:
    for node in nodes(expression):
        match node:
            case promql.NumberLiteral():
                yield _meant(node.val)
            case promql.BinaryExpr(lhs=promql.NumberLiteral() as left, rhs=promql.NumberLiteral() as right):
                yield left.val * right.val
            case promql.MatrixSelector():
                yield node.range.total_seconds()
            case promql.VectorSelector():
                yield (node.offset or timedelta()).total_seconds()
                yield from (
                    float(_BOUNDARY.findall(matcher.value.replace("[.]", "."))[0]) for matcher in node.matchers.matchers if matcher.name == "le"
                )
