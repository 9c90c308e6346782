"""Who is chatted with, when and how much."""
