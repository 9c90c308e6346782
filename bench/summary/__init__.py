"""What a run says: the numbers of each engine at each level, how closely they are known, and who is better at what."""
