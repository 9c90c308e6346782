"""The alerts that chatprobe tells itself: what of its own metrics their rules look at, kept for as long as they look back."""
