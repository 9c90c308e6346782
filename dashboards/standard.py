"""What all dashboards have: the variables that links and alerts fill in, and the marks for alerts and reloads."""

from __future__ import annotations

from alerts.recordings import JOB
from catalogue import own
from catalogue.metric import BACKEND, MODEL, TARGET
from dashboards.dash.annotations import Annotation
from dashboards.dash.colours import Colour
from dashboards.dash.variables import DataSource, LabelValues, Variable
from dashboards.promql import INSTANCE, equals, select

FIRING = "ALERTS"
"""Prometheus' own series for alerts."""
OURS = 'alertname=~"LLM.+"'


def alerts(*where: str) -> str:
    """Alerts of chatprobe that fire, of the chosen targets or of none."""
    chosen = ", ".join((OURS, 'alertstate="firing"', 'job=~"$job|"', 'target=~"$target|"', *where))
    return f"{FIRING}{{{chosen}}}"


ALERTS = alerts()
RELOADS = f"{select(own.RELOAD_TIMESTAMP)} * 1000"

ANNOTATIONS = (
    Annotation("Alerts", ALERTS, "{{alertname}}", Colour.RED, "{{target}} {{scenario}} {{slo}}", ("severity",)),
    Annotation("Configuration loaded", RELOADS, "Configuration loaded", Colour.PURPLE, "{{instance}}", instants=True),
)


def variables(backend: str | None = None) -> tuple[Variable, ...]:
    """The seven that links carry, each with what fits those before it; `backend`: for dashboards of one engine."""
    probes, build = own.PROBES.name, own.BUILD_INFO.name
    job, instance = f'{JOB}=~"$job"', f'{INSTANCE}=~"$instance"'
    engine = equals(BACKEND, backend) if backend else ""
    chosen = ", ".join(filter(None, (job, instance, engine)))
    of_engine, of_target, of_model = 'backend=~"$backend"', 'target=~"$target"', 'model=~"$model"'
    return (
        DataSource(),
        LabelValues(JOB, "Job", build, JOB),
        LabelValues(INSTANCE, "Instance", f"{build}{{{job}}}", INSTANCE),
        LabelValues(BACKEND, "Engine", f"{probes}{{{chosen}}}", BACKEND),
        LabelValues(TARGET, "Target", f"{probes}{{{chosen}, {of_engine}}}", TARGET),
        LabelValues(MODEL, "Model", f"{probes}{{{chosen}, {of_engine}, {of_target}}}", MODEL),
        LabelValues(own.SCENARIO, "Scenario", f"{probes}{{{chosen}, {of_engine}, {of_target}, {of_model}}}", own.SCENARIO),
    )
