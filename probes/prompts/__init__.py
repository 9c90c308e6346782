"""Prompt sets as data, and what makes prompts of them."""
