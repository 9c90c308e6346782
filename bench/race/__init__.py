"""Answers of several engines side by side, for people to look at: held at one instant, shown as they come, compared round by round.

Nothing here needs numpy but `differences`.
"""
