"""vLLM, TGI and Ollama, simulated, with the ground truth of what was sent when."""
