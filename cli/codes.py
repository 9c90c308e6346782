"""Exit codes that several commands have."""

from __future__ import annotations

INTERRUPTED = 130
"""The one that shells give to a command ended by Ctrl-C."""
