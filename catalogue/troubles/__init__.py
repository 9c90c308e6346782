"""What can be wrong, by its name: what it means, what it looks like, what it can be, and what to do.

The texts stand here once. `docs/troubleshooting.md` is made of them, `chatprobe explain` prints them, and the exporter's
pages show them beside what they count.
"""
