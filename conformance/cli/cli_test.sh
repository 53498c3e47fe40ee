#!/usr/bin/env bash
# cli_test.sh WSKCERT: the command line as its users meet it: what it prints, and its exit statuses.
set -uo pipefail
wskcert=$1
source "$(dirname "$0")/expect.sh"

# Help and listings.
expect 0 "Exit status" "$wskcert" --help
expect 0 "--list-providers" "$wskcert" certify --help
expect 0 "in_progress/receive_held_with_irp" "$wskcert" --list
expect 0 "saboteur:" "$wskcert" certify --list-providers
expect 0 "disable.idle.returns-success" "$wskcert" rules disable
expect 0 "so-wsk-event-callback.md" "$wskcert" explain disable.idle.returns-success
expect 0 "saboteur:" "$wskcert" explain disable.idle.returns-success

# Bad usage and bad input.
expect 3 "no command" "$wskcert"
expect 3 "'dance'" "$wskcert" dance
expect 3 "--frobnicate" "$wskcert" certify --frobnicate
expect 3 "--timeout=soon" "$wskcert" certify --timeout=soon
expect 3 "--scheduler=luck" "$wskcert" certify --scheduler=luck
expect 3 "--seed=many" "$wskcert" certify --seed=many
expect 3 "--repeat=0" "$wskcert" certify --repeat=0
expect 3 "'strict'" "$wskcert" certify --profile=strict
expect 3 "--list-providers" "$wskcert" certify --provider=nobody
expect 3 "matches 'nothing-like-it'" "$wskcert" certify --filter=nothing-like-it
expect 3 "no rule 'disable.magic'" "$wskcert" explain disable.magic
expect 3 "no topic 'weather'" "$wskcert" rules weather
expect 3 "neither a case" "$wskcert" run no/such/case
expect 3 "no/such/trace" "$wskcert" check no/such/trace
printf 'threads { steps { dance {} } }' > "$work/bad.textproto"
expect 3 "bad.textproto:1:" "$wskcert" run "$work/bad.textproto"
printf 'sequence { threads { steps { socket_connect { socket: 5000 } } } }' > "$work/slot.textproto"
expect 3 "threads[0].steps[0].socket: slot 5000" "$wskcert" run "$work/slot.textproto"
printf '\001\002\003' > "$work/bad.trace"
expect 3 "bad.trace" "$wskcert" check "$work/bad.trace"

# Over real threads: accepted, and what is refused can be played again with its seed.
expect 0 "ACCEPTED" "$wskcert" run in_progress/receive_held_with_irp --scheduler=threads --seed=7
expect 0 "cases, " "$wskcert" certify --scheduler=threads --repeat=3 --in-process --filter=in_progress/receive_held --quiet
expect 1 "--scheduler=threads --seed=" "$wskcert" certify --scheduler=threads --repeat=3 --filter=irp/completed_at_dispatch_level \
  --provider=saboteur:disable-irp-completes-early --quiet

# The case that the tool is about, and its trace.
expect 0 "returned STATUS_PENDING" "$wskcert" run in_progress/receive_held_with_irp --trace="$work/held.trace"
expect 0 "ACCEPTED" "$wskcert" check "$work/held.trace"
"$wskcert" run in_progress/receive_held_with_irp > "$work/output"
pending=$(grep -n 'DISABLE|RECEIVE, IRP 1) returned STATUS_PENDING' "$work/output" | cut -d: -f1)
returned=$(grep -n 'WskReceiveEvent(socket 0) returned' "$work/output" | head -n 1 | cut -d: -f1)
completed=$(grep -n 'IRP 1 of event_callback completed: STATUS_SUCCESS' "$work/output" | cut -d: -f1)
if ! [[ $pending -lt $returned && $returned -lt $completed ]]; then
  echo "FAILED: STATUS_PENDING, the callback's return and the completion do not come in that order: $pending $returned $completed"
  failed=1
fi

# A saboteur: the status of a violation, the rule, the place, and the line that repeats it.
expect 1 "disable.in-progress.irp-waits-for-every-call" "$wskcert" run in_progress/receive_held_with_irp \
  --provider=saboteur:disable-irp-completes-early --trace="$work/early.trace"
expect 1 "> [" "$wskcert" check "$work/early.trace"
expect 1 "again: wskcert run" "$wskcert" certify --provider=saboteur:disable-irp-completes-early --filter=in_progress/receive_held --quiet
# A provider that takes its process down.
expect 2 "run.survives" "$wskcert" certify --provider=saboteur:disable-crashes-without-irp --filter=in_progress/receive_held --quiet

# Certificates.
expect 0 "CERTIFIED" "$wskcert" certify --quiet --out="$work/certificate"
for file in certificate.pb certificate.json certificate.junit.xml traces/in_progress/receive_held_with_irp.trace.pb; do
  if ! [[ -s $work/certificate/$file ]]; then
    echo "FAILED: $file was not written"
    failed=1
  fi
done
expect 3 "/dev/null" "$wskcert" certify --quiet --filter=enable/ --out=/dev/null/here

# No colour where there is no terminal.
if "$wskcert" certify --quiet --filter=disable/ | grep -q $'\033'; then
  echo "FAILED: colour without a terminal"
  failed=1
fi
exit $failed
