"""Benchmark runs: the same load against several engines for a bounded time, and who is better at what, by how much, how sure."""
