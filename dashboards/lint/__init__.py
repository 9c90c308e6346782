"""What is wrong with a dashboard, found without Grafana: `verdict` runs all rules over what is built.

`frame` has the rules on what all dashboards have alike, `metrics` those on what is asked for, `panels` those on titles, units and places; then
`variables` and `links`. All read the JSON that Grafana gets (`page`), so that they hold for what is checked in too; `series` knows what can be
asked for. Whatever Grafana's own dashboard-linter asks for is asked for here, but for what it cannot know: which series have no `instance`.
"""
