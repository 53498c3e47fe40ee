# Stages of a script: `stage NAME COMMAND...` runs a command and keeps the time; `stages_done` prints the table. The first stage that
# fails ends the script with its status, after the table.
stage_names=()
stage_times=()

stages_table() {
  echo
  echo "stage                     seconds"
  local i
  for i in "${!stage_names[@]}"; do printf '%-25s %7d\n' "${stage_names[$i]}" "${stage_times[$i]}"; done
}

stage() {
  local name=$1 start=$SECONDS status=0
  shift
  echo "== $name"
  "$@" || status=$?
  stage_names+=("$name")
  stage_times+=($((SECONDS - start)))
  if [[ $status -ne 0 ]]; then
    stages_table
    echo "FAILED: $name (status $status)"
    exit "$status"
  fi
}

stages_done() {
  stages_table
}
