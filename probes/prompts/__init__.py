"""What is said to the engines: prompt sets as data, synthetic text of a length, and what makes each chat's prompt of them."""

from __future__ import annotations

from probes.prompts.prompter import Prompt, Prompter
from probes.prompts.sets import names
from probes.prompts.spec import Named, PromptSpec, Synthetic, Text

__all__ = ["Named", "Prompt", "PromptSpec", "Prompter", "Synthetic", "Text", "names"]
