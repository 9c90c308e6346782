"""What keeps the port safe to open: who may do what, by which name it is asked for, and how much of it there may be."""
