"""What a run leaves on disk: written while it goes on, read again, listed, exported, brought in from elsewhere, and cleared away."""
