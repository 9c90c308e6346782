"""Which names of models stand for the same weights."""

from __future__ import annotations

import re


def weights(model: str) -> str:
    """A model's name without what engines and owners add to it."""
    return re.sub(r"[^a-z0-9]", "", model.rpartition("/")[2].lower().removesuffix(":latest"))
