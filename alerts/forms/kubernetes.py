"""Rules as an object of the Prometheus Operator."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.forms.rules import document
from alerts.rule import Group
from config.alerting import Alerts

LEAF = {"openshift.io/prometheus-rule-evaluation-scope": "leaf-prometheus"}
"""On OpenShift, has the Prometheus that holds the series evaluate the rules, and not Thanos Ruler. Of no effect elsewhere."""


def prometheus_rule(groups: Iterable[Group], settings: Alerts) -> dict[str, object]:
    """A `PrometheusRule` without a namespace: it goes where it is applied, beside chatprobe's `ServiceMonitor`."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "chatprobe", "labels": {"app.kubernetes.io/name": "chatprobe", **LEAF}},
        "spec": document(groups, settings),
    }
