"""The engines' own metrics: scraped, served on under their own names, and served under one name for all engines."""
