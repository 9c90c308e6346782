"""The forms, by name."""

from __future__ import annotations

from enum import StrEnum


class Form(StrEnum):
    """What takes the rules, and who is told; all but `RULES` are a file of their own name."""

    RULES = "rules"
    """Prometheus' rule files."""
    PROMETHEUS_RULE = "prometheusrule"
    """The Prometheus Operator."""
    SLOTH = "sloth"
    """Sloth, which makes rules of SLOs itself."""
    ALERTMANAGER = "alertmanager"
    """Alertmanager's configuration file."""
    ALERTMANAGER_CONFIG = "alertmanagerconfig"
    """The Prometheus Operator, for Alertmanager."""

    @property
    def pattern(self) -> str:
        """Of the names of its files."""
        return "*.rules.yaml" if self is Form.RULES else f"{self}.yaml"
