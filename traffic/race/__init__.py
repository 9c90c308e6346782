"""Answers of several engines to one prompt, side by side while they come, and how the engines stand after some rounds."""
