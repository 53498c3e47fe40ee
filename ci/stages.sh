# Stages of a script: `stage NAME COMMAND...` runs a command and keeps the time; `stages_at_once` runs several together; `stages_done` prints the
# table. The first stage that fails ends the script with its status, after the table.
stage_names=()
stage_times=()

stages_table() {
  echo
  echo "stage                     seconds"
  local i
  for i in "${!stage_names[@]}"; do printf '%-25s %7d\n' "${stage_names[$i]}" "${stage_times[$i]}"; done
}

# stage_ended NAME SECONDS STATUS
stage_ended() {
  stage_names+=("$1")
  stage_times+=("$2")
  if [[ $3 -ne 0 ]]; then
    stages_table
    echo "FAILED: $1 (status $3)"
    exit "$3"
  fi
}

stage() {
  local name=$1 start=$SECONDS status=0
  shift
  echo "== $name"
  "$@" || status=$?
  stage_ended "$name" $((SECONDS - start)) "$status"
}

# stages_at_once NAME COMMAND... : NAME COMMAND... [: ...]: stages that leave processors idle, at the same time. What each prints is shown in one
# piece, in this order, once all have ended.
stages_at_once() {
  local work start=$SECONDS i=0 status stage=() names=() pids=() ended=()
  work=$(mktemp -d)
  set -- "$@" :
  while [[ $# -gt 0 ]]; do
    if [[ $1 != : ]]; then
      stage+=("$1")
    else
      names+=("${stage[0]}")
      (
        status=0
        "${stage[@]:1}" || status=$?
        echo "$((SECONDS - start)) $status" > "$work/$i.ended"
      ) > "$work/$i.log" 2>&1 < /dev/null &
      pids+=($!)
      i=$((i + 1))
      stage=()
    fi
    shift
  done
  wait "${pids[@]}" || true
  for i in "${!names[@]}"; do
    echo "== ${names[i]}"
    cat "$work/$i.log"
    # One that was killed has left nothing.
    ended+=("$(cat "$work/$i.ended" 2> /dev/null || echo "$((SECONDS - start)) 1")")
  done
  rm -rf "$work"
  # shellcheck disable=SC2086
  for i in "${!names[@]}"; do stage_ended "${names[i]}" ${ended[i]}; done
}

stages_done() {
  stages_table
}
