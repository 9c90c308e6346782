"""What engines tell of themselves: their metrics as they write them, and the closed list of numbers made of them."""
