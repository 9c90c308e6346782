"""The forms in which rules are written: one file each, from the same rules."""
