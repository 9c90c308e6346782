"""Why an engine has not loaded a model that it was asked to load, apart from any chat."""

from __future__ import annotations

from enum import StrEnum

PATIENCE_SECONDS = 300.0
"""How long a load may take where nobody says otherwise: as long as Ollama waits for one that shows nothing (`OLLAMA_LOAD_TIMEOUT`)."""


class LoadFailure(StrEnum):
    """The closed list of causes."""

    TIMEOUT = "timeout"
    """It took longer than it may."""
    REFUSED = "refused"
    """The engine answered that it could not, or did not want to."""
    UNREACHABLE = "unreachable"
    """No connection, or one that ended before the answer."""


class LoadError(Exception):
    """The model was not loaded. `detail` is for people: the engine's own words where it had some, and no secret."""

    def __init__(self, cause: LoadFailure, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail
