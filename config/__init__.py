"""What an operator writes: the typed model and the reader whose errors name the place."""
