# Whether TGI is alive: alive.bash PORT STUCK_SECONDS STATE_FILE. Exits with 1 if it is not.
#
# A router whose batching task has died goes on to answer /health with 200, while its queue grows and no batch is computed
# any more. So it is dead too if requests wait, and no call of the model has begun for STUCK_SECONDS: a busy one computes
# batches all the time. 0 asks /health alone. Nothing is generated for this, and what cannot be read says nothing.
port=$1 stuck_seconds=$2 state=$3

ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
  cat <&3
  exec 3>&-
}

read -r _ status _ < <(ask /health 2>/dev/null)
[[ $status == 2* ]] || { echo "GET /health: ${status:-no answer}"; exit 1; }
((stuck_seconds)) || exit 0

waiting=0 calls=
while read -r name value; do
  case $name in
  tgi_queue_size) waiting=${value%.*} ;;
  tgi_batch_inference_count*) calls+=,$value ;;
  esac
done < <(ask /metrics 2>/dev/null)

[[ $waiting != 0 ]] || { : >"$state"; exit 0; }
printf -v now '%(%s)T' -1
since= before=
[[ -r $state ]] && read -r since before <"$state"
[[ $since && $calls == "$before" && $since -le $now ]] || since=$now
echo "$since $calls" >"$state"
((now - since < stuck_seconds)) || { echo "requests wait, and no batch was computed for $((now - since)) s"; exit 1; }
