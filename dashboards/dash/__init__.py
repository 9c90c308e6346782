"""How a dashboard is written: content as frozen dataclasses, turned into Grafana's JSON in one place (`render`), the only importer of grafanalib.

A dashboard is a file that holds a `Board`: its uid from the catalogue, a title, a description, variables, and rows of panels. A panel says what it
shows (title, unit, queries) and how to read it (description); nothing in it speaks of JSON, ids or positions:

    FIRST_TOKEN = TimeSeries(
        title="Time to first token",
        description="How long a user waits for the first token. Lower is better; a line that climbs alone is that engine's queue.",
        unit=Unit.SECONDS,
        queries=(Query(promql.quantile("0.95", recordings.TTFT), engines.LEGEND),),
        overrides=engines.COLOURS,
    )
    BOARD = Board(
        uid=Dashboard.LATENCY,
        title="chatprobe / Latency",
        description="Where the time of a chat goes.",
        variables=standard.variables(),
        rows=(Row("First token", (FIRST_TOKEN, ...)), ...),
    )

Rules that hold for every panel:

- Metric names come from the catalogue or the recordings, selectors and quantiles from `dashboards.promql`, so that all of them have the variables'
  matchers; nothing is typed by hand.
- Titles are unique within a dashboard: a panel's id is made of its title, so that links to it outlive a panel that is put before it.
- Panels flow from left to right on 24 columns in their row, and begin a new line where they do not fit; `width` and `height` are in Grafana's grid.
- A panel that may be without data in a healthy installation says why in `may_be_empty`; the text joins its description.
- `Board` goes into `dashboards.boards.BOARDS`; `chatprobe dashboards build` writes its JSON.

`panels` has the kinds of panels, `queries` the query, `units`, `colours`, `values` (thresholds, mappings), `overrides`, `links`, `variables` and
`annotations` what they are made of, `board` the whole, `layout` and `render` what becomes of it, `console` what becomes of it in OpenShift.
`chatprobe dashboards check` says what is wrong with a dashboard (`dashboards.lint`), and what is not as it was built.
"""
