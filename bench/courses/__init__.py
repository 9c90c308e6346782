"""Courses: which levels of load a run measures. A list, a sweep from low to high, a search for what meets an SLO, a trace."""
