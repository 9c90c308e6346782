"""Courses: which levels of load a run measures."""
