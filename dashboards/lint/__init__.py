"""What is wrong with a dashboard, found without Grafana: `verdict` runs all rules over what is built.

`linter` has the rules of Grafana's dashboard-linter, `exclusions` what of them does not hold here, and why. The other rules are our own, and
stricter: `metrics` (names, labels and types of what is asked for), `panels` (titles, units, places), `variables`, `links`. All read the JSON that
Grafana gets (`page`), so that they hold for what is checked in too; `series` knows what can be asked for.
"""
