"""The engines' own metrics: scraped, and served beside ours."""
