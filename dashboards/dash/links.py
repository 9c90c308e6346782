"""Links from panels, cells and lines to other dashboards, with the time range and the variables that stand."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalogue.uids import Dashboard
from dashboards.dash.variables import STANDARD


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a dashboard. `given` sets variables of it, as to `${__field.labels.target}`; the other standard ones keep what they have here."""

    title: str
    dashboard: Dashboard
    given: tuple[tuple[str, str], ...] = field(default=())

    @property
    def url(self) -> str:
        """Its address below Grafana's root; what is in `${...}` Grafana fills in."""
        given = dict(self.given)
        variables = [f"var-{name}={given[name]}" if name in given else f"${{{name}:queryparam}}" for name in STANDARD]
        more = [f"var-{name}={value}" for name, value in self.given if name not in STANDARD]
        return f"/d/{self.dashboard}?{'&'.join((*variables, *more))}&${{__url_time_range}}"


def label(name: str) -> str:
    """The label of the line that was clicked, as a value of `given`."""
    return f"${{__field.labels.{name}}}"


def cell(column: str) -> str:
    """What stands in a column of the row that was clicked, by the column's title, as a value of `given`."""
    return f'${{__data.fields["{column}"]}}'
