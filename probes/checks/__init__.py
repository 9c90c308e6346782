"""What is expected of an engine's answers: one small value for each kind of check, and what looks at them in order."""

from __future__ import annotations

from probes.checks.named import Checks, Expected

__all__ = ["Checks", "Expected"]
