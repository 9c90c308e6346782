"""What a notification says, as templates of Alertmanager: of each alert that fires its summary, description and links, of one that ended its summary.

They are written into the receivers themselves, so that there are no template files to install.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST = 10
"""Alerts of a group that are told one by one; more make a message that nobody reads, and that receivers cut."""
TITLE = (
    '{{ if eq .Status "firing" }}{{ len .Alerts.Firing }} firing{{ else }}Resolved{{ end }}: '
    "{{ .GroupLabels.alertname }}{{ with .GroupLabels.job }} ({{ . }}){{ end }}"
)


@dataclass(frozen=True, slots=True)
class Markup:
    """How a receiver writes bold text (around `TEXT`), a link (`LABEL`, `URL`) and the end of a line."""

    bold: str
    link: str
    newline: str = "\n"


SLACK = Markup("*TEXT*", "<URL|LABEL>")
MARKDOWN = Markup("**TEXT**", "[LABEL](URL)", "\n\n")
JIRA = Markup("*TEXT*", "[LABEL|URL]")
PLAIN = Markup("TEXT", "LABEL: URL")
HTML = Markup("<b>TEXT</b>", '<a href="URL">LABEL</a>', "<br>\n")


def firing(markup: Markup) -> str:
    """The alerts that fire."""
    summary = markup.bold.replace("TEXT", "{{ .Annotations.summary }}")
    links = " ".join(_link(markup, label, name) for label, name in (("Runbook", "runbook_url"), ("Dashboard", "dashboard_url")))
    return _listed("Firing", markup.newline.join((summary, "{{ .Annotations.description }}", links, "")), markup)


def resolved(markup: Markup) -> str:
    """The alerts that ended."""
    return _listed("Resolved", "Resolved: {{ .Annotations.summary }}" + markup.newline, markup)


def both(markup: Markup) -> str:
    return firing(markup) + resolved(markup)


def _link(markup: Markup, label: str, annotation: str) -> str:
    link = markup.link.replace("LABEL", label).replace("URL", "{{ . }}")
    return f"{{{{ with .Annotations.{annotation} }}}}{link}{{{{ end }}}}"


def _listed(which: str, each: str, markup: Markup) -> str:
    first = f"{{{{ range $place, $alert := .Alerts.{which} }}}}{{{{ if lt $place {MOST} }}}}{each}{{{{ end }}}}{{{{ end }}}}"
    rest = f"… {{{{ len .Alerts.{which} }}}} in all{markup.newline}"
    return f"{first}{{{{ if gt (len .Alerts.{which}) {MOST} }}}}{rest}{{{{ end }}}}"
