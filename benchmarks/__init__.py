"""Accuracy and cost, measured against a server that knows when it sent each chunk. Never part of the tests: machines are noisy."""
