#!/usr/bin/env bash
# long_run_test.sh WSKCERT: long runs from the command line: processes, shards, kills, seeds, and what differs between certificates.
set -uo pipefail
wskcert=$1
source "$(dirname "$0")/expect.sh"

# In several processes: the same certificate, traces and output.
expect 0 "CERTIFIED" "$wskcert" certify --quiet --out="$work/one"
expect 0 "CERTIFIED" "$wskcert" certify --quiet --jobs=2 --out="$work/two"
expect 0 "the same, but for the date" "$wskcert" diff "$work/one" "$work/two"
expect 0 "" diff -r "$work/one/traces" "$work/two/traces"
expect 0 "" cmp <(grep -v '"date"' "$work/one/certificate.json") <(grep -v '"date"' "$work/two/certificate.json")
expect 0 "cases, " "$wskcert" certify --quiet --jobs=2 --filter=enable/

# Shards: partial, never green, and together the whole.
for i in 1 2 3; do
  expect 0 "NOT CERTIFIED: emulator: only 'shard $i/3' was played" "$wskcert" certify --quiet --shard=$i/3 --out="$work/shard$i"
done
expect 0 "CERTIFIED" "$wskcert" merge "$work/shard1" "$work/shard2" "$work/shard3" --out="$work/merged"
expect 0 "the same" "$wskcert" diff "$work/one" "$work/merged"
expect 3 "cases were not played in any of them" "$wskcert" merge "$work/shard1" "$work/shard3"
expect 3 "no plays of a run" "$wskcert" merge "$work"

# Killed on the way, it goes on: nothing is lost, nothing is played twice.
mkfifo "$work/progress"
"$wskcert" certify --jobs=2 --out="$work/killed" > /dev/null 2> "$work/progress" &
run=$!
while read -r line; do
  [[ $line == *"cases played"* ]] && kill -9 $run
done < "$work/progress"
{ wait $run; } 2> /dev/null
kept=$(find "$work/killed/plays" -name '*.played.pb' | wc -l)
if [[ $kept -lt 20 ]]; then
  echo "FAILED: $kept cases were kept of a run that was killed"
  failed=1
fi
find "$work/killed/plays" -name '*.played.pb' -printf '%p %T@\n' | sort > "$work/kept"
expect 0 "CERTIFIED" "$wskcert" certify --quiet --resume --jobs=2 --out="$work/killed"
expect 0 "the same" "$wskcert" diff "$work/one" "$work/killed"
find "$work/killed/plays" -name '*.played.pb' -printf '%p %T@\n' | sort > "$work/after"
if [[ -n $(comm -23 "$work/kept" "$work/after") ]]; then
  echo "FAILED: cases that were kept were played again:"
  comm -23 "$work/kept" "$work/after" | head -n 3
  failed=1
fi
expect 0 "cases were played before" "$wskcert" certify --resume --out="$work/killed"
expect 3 "it was provider emulator" "$wskcert" certify --quiet --resume --out="$work/killed" --provider=saboteur:none
expect 3 "needs --out" "$wskcert" certify --resume

# Schedules of a seed: said, had again, and a violation says how to have it again.
expect 0 "schedules: random bytes of seed 7" "$wskcert" certify --quiet --filter=in_progress/ --schedule-seed=7 --out="$work/seven"
expect 0 "the same" "$wskcert" diff "$work/seven" "$work/seven/certificate.json"
expect 0 "ACCEPTED" "$wskcert" run in_progress/receive_held_with_irp --schedule-seed=7 --trace="$work/seven.trace"
expect 0 "" cmp "$work/seven.trace" "$work/seven/traces/in_progress/receive_held_with_irp.trace.pb"
expect 1 "--schedule-seed=7" "$wskcert" certify --quiet --filter=irp/completed_at --schedule-seed=7 --provider=saboteur:disable-irp-completes-early

# What differs: rules, cases, counts; for machines, too.
"$wskcert" certify --quiet --jobs=2 --out="$work/early" --provider=saboteur:disable-irp-completes-early > /dev/null
expect 1 "  disable.in-progress.irp-waits-for-every-call: passed -> FAILED" "$wskcert" diff "$work/one" "$work/early"
expect 1 "irp/completed_at_dispatch_level: ACCEPTED -> VIOLATION of disable.in-progress.irp-waits-for-every-call" \
  "$wskcert" diff "$work/one/certificate.pb" "$work/early/certificate.pb"
expect 1 '{"kind": "rule", "name": "disable.in-progress.irp-waits-for-every-call", "before": "passed", "after": "FAILED"}' \
  "$wskcert" diff --format=json "$work/one" "$work/early"

# Bad usage and bad input.
expect 3 "--jobs=0" "$wskcert" certify --jobs=0
expect 3 "--shard=4/3" "$wskcert" certify --shard=4/3
expect 3 "--shard=1" "$wskcert" certify --shard=1
expect 3 "--schedule-seed=luck" "$wskcert" certify --schedule-seed=luck
expect 3 "--format=pdf" "$wskcert" diff a b --format=pdf
expect 3 "diff needs two certificates" "$wskcert" diff "$work/one"
expect 3 "merge needs the directories" "$wskcert" merge
printf '\010\377\377' > "$work/bad.pb"
expect 3 "bad.pb: no certificate" "$wskcert" diff "$work/bad.pb" "$work/one"
expect 3 "certificate.pb" "$wskcert" diff "$work" "$work/one"
expect 3 "/dev/null" "$wskcert" certify --quiet --filter=enable/ --jobs=2 --out=/dev/null/here
exit $failed
