"""Asks Prometheus what Grafana would ask it for a panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from dashboards.dash.filling import filled
from dashboards.lint.page import Page, Target


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: values as (seconds since the epoch, value), of a native histogram how much it has observed."""

    labels: Mapping[str, str]
    values: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The time range that is shown, in seconds since the epoch, and the time between two values."""

    start: float
    end: float
    step_seconds: float = 1.0

    @property
    def variables(self) -> dict[str, str]:
        """Grafana's own: a rate is over four scrapes at least."""
        seconds = round(self.end - self.start)
        return {"__rate_interval": f"{max(15, round(4 * self.step_seconds))}s", "__interval": f"{self.step_seconds:g}s", "__range": f"{seconds}s"}


class Prometheus:
    """Its HTTP API. Until it listens and has started, every answer is empty."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def now(self) -> float:
        """Its clock; 0 until it has started."""
        found = await self.instant("vector(time())")
        return found[0].values[0][1] if found else 0.0

    async def instant(self, expr: str, at: float | None = None) -> list[Series]:
        """Raises AssertionError, with its message, where it does not take the query."""
        return await self._ask("query", {"query": expr} | ({} if at is None else {"time": str(at)}))

    async def over(self, expr: str, span: Span) -> list[Series]:
        """The same over time."""
        return await self._ask("query_range", {"query": expr, "start": str(span.start), "end": str(span.end), "step": str(span.step_seconds)})

    async def target(self, target: Target, values: Mapping[str, str], span: Span) -> list[Series]:
        """The answer to a panel's query, with these values for the dashboard's variables. NaN is no value."""
        expr = filled(target.expr, {**values, **span.variables})
        return await (self.instant(expr, span.end) if target.raw["instant"] else self.over(expr, span))

    async def labels(self, selector: str) -> list[Mapping[str, str]]:
        """The label sets of a selector's series, as variables ask for them."""
        async with self._session.get(f"{self.url}/api/v1/series", params={"match[]": selector}) as response:
            answer: dict[str, Any] = await response.json()
        assert answer["status"] == "success", f"{selector}: {answer['error']}"
        found: list[Mapping[str, str]] = answer["data"]
        return found

    async def rules(self) -> list[Mapping[str, str]]:
        """All rules, with how each was evaluated last."""
        async with self._session.get(f"{self.url}/api/v1/rules") as response:
            answer: dict[str, Any] = await response.json()
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    async def _ask(self, kind: str, parameters: Mapping[str, str]) -> list[Series]:
        try:
            async with self._session.post(f"{self.url}/api/v1/{kind}", data=parameters) as response:
                if response.status == 503:  # it is starting
                    return []
                answer: dict[str, Any] = await response.json()
        except aiohttp.ClientConnectionError:
            return []
        assert answer["status"] == "success", f"{parameters['query']}: {answer['error']}"
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [Series({}, _numbers([data["result"]]))]
        found = (Series(each["metric"], (*_numbers(_of(each, "value")), *_observed(_of(each, "histogram")))) for each in data["result"])
        return [series for series in found if series.values]


def _of(each: Mapping[str, Any], kind: str) -> Iterable[Any]:
    """The samples of one kind, of a range or of an instant."""
    return each.get(f"{kind}s") or ([each[kind]] if kind in each else [])


def _observed(pairs: Iterable[tuple[float, Mapping[str, str]]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(histogram["count"])) for at, histogram in pairs)


def _numbers(pairs: Iterable[tuple[float, str]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(value)) for at, value in pairs if value != "NaN")


def everything(page: Page) -> dict[str, str]:
    """The variables as a reader finds them at first: all of everything, and the first choice of the others."""
    return {variable["name"]: ".+" if variable.get("includeAll") else str(variable["current"].get("value", "")) for variable in page.variables}


def texts(page: Page) -> dict[str, str]:
    """What stands for variables in titles (`${name:text}`)."""
    return {variable["name"]: str(variable["current"].get("text", "")) for variable in page.variables}
