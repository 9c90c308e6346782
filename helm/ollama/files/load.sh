# Loads $SERVED_MODEL into memory, which an empty prompt does without an answer. A model that is not in the volume is an error: `ollama run` would pull it.
ollama show "$SERVED_MODEL" >/dev/null 2>&1 || ollama cp "$MODEL" "$SERVED_MODEL"
ollama run "$SERVED_MODEL" </dev/null
