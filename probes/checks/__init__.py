"""What is expected of an engine's answers: one small value for each kind of check, and what looks at them in order."""

from __future__ import annotations

from probes.checks.content import Contains, MinTokens
from probes.checks.expressions import Expression, Matches
from probes.checks.language import LANGUAGES, Language
from probes.checks.named import Checks, Expected
from probes.checks.printable import Printable
from probes.checks.references import SchemaError
from probes.checks.refusal import NotRefusal
from probes.checks.schema import JsonSchema

__all__ = [
    "LANGUAGES",
    "Checks",
    "Contains",
    "Expected",
    "Expression",
    "JsonSchema",
    "Language",
    "Matches",
    "MinTokens",
    "NotRefusal",
    "Printable",
    "SchemaError",
]
