#!/usr/bin/env bash
# export_test.sh WSKCERT: exporting from the command line: what it writes, and its exit statuses. host_test.sh runs the clients.
set -uo pipefail
wskcert=$1
source "$(dirname "$0")/expect.sh"

held=in_progress/receive_held_with_irp
early=saboteur:disable-irp-completes-early

# A case again: what was seen above, the violation marked, and the same sequence.
expect 0 "#   > [ 18] thread 0   IRP 1 of event_callback completed: STATUS_SUCCESS" \
  "$wskcert" export $held --as=textproto --provider=$early
expect 0 "" "$wskcert" export $held --as=textproto --provider=$early --out="$work/case.textproto"
expect 0 "ACCEPTED" "$wskcert" run "$work/case.textproto"
expect 1 "broken rule: disable.in-progress.irp-waits-for-every-call" "$wskcert" run "$work/case.textproto" --provider=$early
# A bare sequence gets a summary, the rules that it can be a case about, and their page.
printf 'threads { steps { irp: 0 socket_connect {} } steps { settle {} } steps { event_callback { mask: RECEIVE } } }' > "$work/bare.textproto"
expect 0 'summary: "While the application keeps its obligations' "$wskcert" export "$work/bare.textproto" --as=textproto --provider=saboteur:enable-never-returns
expect 0 "nothing is wrong" "$wskcert" export "$work/bare.textproto" --as=textproto

# C: the functions of the steps, and what has no C form.
expect 0 "static VOID Step6_event_callback(VOID) {" "$wskcert" export $held --as=c
expect 0 "// >[ 12] IRP 1 of event_callback completed: STATUS_SUCCESS" "$wskcert" export $held --as=c --provider=$early
printf 'threads { steps { settle {} } } schedule { choices: "abc" }' > "$work/schedule.textproto"
expect 0 "NOT EXPORTED:" "$wskcert" export "$work/schedule.textproto" --as=c
expect 0 "not exported: nothing of the schedule, but its bytes may decide other things" "$wskcert" export "$work/schedule.textproto" --as=c --out="$work/s.c"
printf 'threads { steps { irp: 0 deregister {} } }' > "$work/irp.textproto"
expect 0 "not exported: the IRP of deregister, which takes none" "$wskcert" export "$work/irp.textproto" --as=c --out="$work/s.c"
# What stands in a file or its name cannot end a comment or a string.
cat > "$work/odd \"name*.textproto" << 'EOF'
summary: "ends here */ \\\\\n and \" there\\\\"
sequence { threads { steps { settle {} } } }
EOF
"$wskcert" export "$work/odd \"name*.textproto" --as=c --out="$work/odd.c" || { echo "FAILED: an odd name"; failed=1; }
if grep -vE '^(//|#|[A-Za-z}]|  |$)' "$work/odd.c"; then
  echo "FAILED: a line that is no comment"
  failed=1
fi

# Bad usage and bad input.
expect 3 "export needs one case or file" "$wskcert" export --as=c
expect 3 "export needs --as=textproto or --as=c" "$wskcert" export $held
expect 3 "--as=pascal" "$wskcert" export $held --as=pascal
expect 3 "neither a case" "$wskcert" export no/such/case --as=c
expect 3 "/dev/null/here" "$wskcert" export $held --as=c --out=/dev/null/here
exit $failed
