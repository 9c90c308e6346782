"""The engines' side of a run: what they tell of themselves meanwhile, and what follows from it."""
