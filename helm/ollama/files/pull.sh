# Pulls $MODEL into the volume and names it $SERVED_MODEL too. $1: IfNotPresent or Always.
OLLAMA_HOST=127.0.0.1:11434
export OLLAMA_HOST
ollama serve &
server=$!
until ollama list >/dev/null 2>&1; do
  kill -0 "$server"
  sleep 1
done
if [ "$1" = Always ] || ! ollama show "$MODEL" >/dev/null 2>&1; then
  ollama pull "$MODEL"
fi
if [ "$SERVED_MODEL" != "$MODEL" ]; then
  ollama cp "$MODEL" "$SERVED_MODEL"
fi
kill "$server"
wait "$server" || true
