"""Two sides compared: a verdict on whether the second is worse than the first, by how much, and how sure that is."""
