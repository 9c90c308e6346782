"""The statistics of benchmark runs: pure functions on arrays, without chats and without files.

`docs/statistics.md` says in plain words what they do, what they assume, and how often they were right in simulation.
"""
