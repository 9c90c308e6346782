"""Result files of other tools, read for comparison: each value under its own definition, and none that is called alike and is not."""
