#!/usr/bin/env bash
# minimize_test.sh WSKCERT: minimising from the command line: what it writes, and its exit statuses.
set -uo pipefail
wskcert=$1
# What dies by a signal is to die by it under AddressSanitizer, too.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0
source "$(dirname "$0")/expect.sh"

early=saboteur:disable-irp-completes-early
held=in_progress/receive_held_with_irp

# A case of the suite: fewer steps, the same rule, and what is written is a case.
expect 0 "disable.in-progress.irp-waits-for-every-call: 12 steps to 6" \
  "$wskcert" minimize $held --provider=$early --out="$work/small.textproto"
expect 1 "broken rule: disable.in-progress.irp-waits-for-every-call" "$wskcert" run "$work/small.textproto" --provider=$early
expect 0 "ACCEPTED" "$wskcert" run "$work/small.textproto"
# Once more: nothing changes but the comment on top.
expect 0 "6 steps to 6" "$wskcert" minimize "$work/small.textproto" --provider=$early --out="$work/again.textproto"
expect 0 "" diff <(grep -v '^#' "$work/small.textproto") <(grep -v '^#' "$work/again.textproto")
# In this process, and to standard output: the same.
expect 0 "" diff <(grep -v '^#' "$work/small.textproto") \
  <("$wskcert" minimize $held --provider=$early --in-process --quiet 2> /dev/null | grep -v '^#')

# How a provider dies is kept as well.
expect 0 "killed by signal 11" "$wskcert" minimize disable/receive_idle --provider=saboteur:disable-crashes-without-irp
expect 0 "run.survives" "$wskcert" minimize disable/receive_idle --provider=saboteur:disable-stops-machine

# The rule that must stay.
expect 0 "steps { irp: 1 event_callback { socket: 0 mask: [RECEIVE, DISABLE] } }" \
  "$wskcert" minimize $held --provider=$early --rule=disable.in-progress.irp-waits-for-every-call
expect 3 "irp.completes-once is not blamed" "$wskcert" minimize $held --provider=$early --rule=irp.completes-once
expect 3 "no rule 'irp.magic'" "$wskcert" minimize $held --provider=$early --rule=irp.magic

# A limit that is met is said.
expect 0 "stopped at --limit=3" "$wskcert" minimize $held --provider=$early --limit=3

# Nothing to minimise, bad usage, bad input.
expect 3 "nothing to minimise: emulator does nothing wrong" "$wskcert" minimize $held
expect 3 "minimize needs one case or file" "$wskcert" minimize
expect 3 "--limit=none" "$wskcert" minimize $held --limit=none
expect 3 "neither a case" "$wskcert" minimize no/such/case
expect 3 "/dev/null/here" "$wskcert" minimize $held --provider=$early --out=/dev/null/here
printf '\010\001\032\003\377\377\377' > "$work/hostile.bin"
expect 3 "neither text nor a binary Sequence" "$wskcert" minimize "$work/hostile.bin"
printf 'sequence { threads { steps { close { socket: 5000 } } } }' > "$work/slot.textproto"
expect 3 "slot 5000" "$wskcert" minimize "$work/slot.textproto"
exit $failed
