# Loads $SERVED_MODEL into memory: an empty prompt does, and has no answer. A model that is not in the volume is an error here, where `ollama run` would pull it.
ollama show "$SERVED_MODEL" >/dev/null 2>&1 || ollama cp "$MODEL" "$SERVED_MODEL"
ollama run "$SERVED_MODEL" "" </dev/null
