#!/usr/bin/env bash
# host_test.sh WSKCERT BUILD [EVERY]: clients in C, exported, compiled without a warning and hosted, see what was seen when they were exported:
# every EVERY-th case of the suite on the emulator (1: all of them), and cases that saboteurs fail.
set -uo pipefail
wskcert=$1
export WSKCERT_BUILD=$2
every=${3:-1}
host=$(cd "$(dirname "$0")/../.." && pwd)/ci/host_exported
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
count=0

# same CASE PROVIDER: exported on the provider, the client sees the same on it.
same() {
  local out=$work/client.c
  count=$((count + 1))
  if ! "$wskcert" export "$1" --as=c --provider="$2" --out="$out" 2> "$work/left_out" ||
    ! "$host" "$out" > "$work/output" 2>&1; then
    # Somebody else's schedule may decide other things.
    grep -q 'nothing of the schedule' "$work/left_out" && return
    echo "FAILED: $1 on $2"
    cat "$work/left_out"
    grep -v '^    ' "$work/output" | head -n 20
    failed=1
  fi
}

# expect STATUS TEXT COMMAND...
expect() {
  local status=$1 text=$2 got=0
  shift 2
  "$@" > "$work/output" 2>&1 < /dev/null || got=$?
  if [[ $got -ne $status ]] || ! grep -qF -- "$text" "$work/output"; then
    echo "FAILED: $*"
    echo "  expected status $status and '$text'; got status $got and:"
    head -n 20 "$work/output" | sed 's/^/  /'
    failed=1
  fi
}

while read -r name; do
  same "$name" emulator
done < <("$wskcert" --list | awk -v every="$every" 'NR % every == 1 % every { print $1 }')

held=in_progress/receive_held_with_irp
early=saboteur:disable-irp-completes-early
same $held $early
same irp/completed_at_dispatch_level $early
same disable/receive_idle saboteur:enable-never-returns
same disable/receive_idle saboteur:disable-stops-machine
same accept/event saboteur:accept-not-indicated

# The violation is marked; an honest provider shows something else.
"$wskcert" export $held --as=c --provider=$early --out="$work/early.c"
expect 0 "as recorded with $early: disable.in-progress.irp-waits-for-every-call is broken in the line marked >" "$host" "$work/early.c"
expect 0 "  > [ 12] IRP 1 of event_callback completed: STATUS_SUCCESS" "$host" "$work/early.c"
expect 1 "not as recorded" "$host" "$work/early.c" --provider=emulator
expect 1 "recorded: IRP 1 of event_callback completed: STATUS_SUCCESS" "$host" "$work/early.c" --provider=emulator

# Bad usage and bad input.
expect 3 "there is no provider 'nobody'" "$host" "$work/early.c" --provider=nobody
expect 3 "usage" "$host"
expect 3 "usage" "$host" "$work/no_such_file.c"
echo 'int DriverEntry(void) { return 0; }' > "$work/other.c"
expect 3 "no exported client" "$host" "$work/other.c"
echo 'int f(void) { dance(); }' > "$work/bad.c"
expect 3 "dance" "$host" "$work/bad.c"
echo "$count clients were compiled and hosted"
exit $failed
