"""What engines say of themselves, and the closed list of numbers that it is brought to."""
