#!/usr/bin/env bash
# testee_test.sh WSKCERT: the reference testee's certificate, and that of a record, are those of the emulator in process.
set -uo pipefail
wskcert=$1
# What dies by a signal is to die by it under AddressSanitizer, too.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0
source "$(dirname "$0")/expect.sh"

# same A B: the certificates of two directories, but for their dates, and all their traces.
same() {
  for side in "$1" "$2"; do
    sed -E 's/^ "date": .*//' "$side/certificate.json" > "$side/undated.json"
  done
  cmp "$1/undated.json" "$2/undated.json" && cmp "$1/certificate.junit.xml" "$2/certificate.junit.xml" && diff -rq "$1/traces" "$2/traces" || {
    echo "FAILED: $1 and $2 differ"
    failed=1
  }
}

expect 0 "CERTIFIED: emulator" "$wskcert" certify --quiet --in-process --out="$work/here"
expect 0 "CERTIFIED: emulator" "$wskcert" certify --quiet --provider="exec:exec '$wskcert' testee --in-process" --out="$work/testee"
same "$work/here" "$work/testee"

# A record: what is asked, in a file; what is answered, in another.
expect 0 "" "$wskcert" pack "$work/suite.pack"
"$wskcert" testee --in-process < "$work/suite.pack" > "$work/traces.pack" || { echo "FAILED: the testee's status"; failed=1; }
expect 0 "CERTIFIED: emulator" "$wskcert" check "$work/traces.pack" --quiet --out="$work/record"
same "$work/here" "$work/record"
expect 0 "returned STATUS_PENDING" "$wskcert" run in_progress/receive_held_with_irp --provider="pack:$work/traces.pack"

# A machine that went down: the record ends in the middle of an answer.
size=$(stat -c %s "$work/traces.pack")
head -c $((size / 2)) "$work/traces.pack" > "$work/half.pack"
expect 2 "the record has no case" "$wskcert" check "$work/half.pack" --quiet
# A record of something else.
printf '\2\0\0\0\52\0' > "$work/bye.pack"
expect 3 "does not begin with a hello" "$wskcert" certify --provider="pack:$work/bye.pack"
expect 3 "a recorder's answer to it is wanted" "$wskcert" certify --provider="pack:$work/suite.pack"
"$wskcert" testee --in-process < <(head -c 3 "$work/suite.pack") > "$work/output" 2>&1
[[ $? -eq 3 ]] || { echo "FAILED: a cut request is not refused"; failed=1; }

# A saboteur behind the protocol is blamed as in process, and told how to be played again.
expect 1 "first blamed: disable.in-progress.irp-waits-for-every-call" "$wskcert" certify --quiet --filter=in_progress/ \
  --provider="exec:exec '$wskcert' testee --provider=saboteur:disable-irp-completes-early"
expect 1 "again: wskcert run" "$wskcert" run in_progress/receive_held_with_irp \
  --provider="exec:exec '$wskcert' testee --provider=saboteur:disable-irp-completes-early"
# One that dies, in a process of its own and in the testee's.
expect 2 "killed by signal" "$wskcert" certify --quiet --filter=in_progress/receive_held \
  --provider="exec:exec '$wskcert' testee --provider=saboteur:disable-crashes-without-irp"
expect 2 "the testee killed by signal" "$wskcert" certify --quiet --filter=in_progress/receive_held \
  --provider="exec:exec '$wskcert' testee --in-process --provider=saboteur:disable-crashes-without-irp"
expect 3 "is no testee" "$wskcert" certify --provider=exec:/no/such/program
exit $failed
