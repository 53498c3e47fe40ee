#!/usr/bin/env bash
# gate_test.sh WSKCERT: certificates that are verified, waived, and told apart by their exit status.
set -uo pipefail
wskcert=$1
source "$(dirname "$0")/expect.sh"

# The emulator's certificate is borne out by its traces.
expect 0 "CERTIFIED" "$wskcert" certify --quiet --in-process --out="$work/good"
expect 0 ": VERIFIED" "$wskcert" verify "$work/good/certificate.pb" "$work/good"
expect 0 ": VERIFIED" "$wskcert" verify "$work/good/certificate.pb" "$work/good/traces"
# Not by somebody else's, nor by one less.
saboteur=--provider=saboteur:disable-irp-completes-early
expect 1 "NOT CERTIFIED" "$wskcert" certify --quiet --in-process "$saboteur" --out="$work/bad"
expect 0 ": VERIFIED" "$wskcert" verify "$work/bad/certificate.pb" "$work/bad"
expect 1 "NOT VERIFIED" "$wskcert" verify "$work/good/certificate.pb" "$work/bad"
rm "$work/good/traces/in_progress/receive_held_with_irp.trace.pb"
expect 1 "in_progress/receive_held_with_irp" "$wskcert" verify "$work/good/certificate.pb" "$work/good"
expect 3 "is no certificate" "$wskcert" verify "$work/good/certificate.json" "$work/good"
expect 3 "no directory" "$wskcert" verify "$work/good/certificate.pb" "$work/none"

# Everything that fails is waived: the gate is green, the provider not certified.
expect 0 "waivers, until 2031-01-31" "$wskcert" waivers --write "$work/bad/certificate.pb" "$work/waivers" --expires=2031-01-31 --reason='known "well"'
expect 0 "GATE GREEN" "$wskcert" waivers "$work/bad/certificate.pb" "$work/waivers" --today=2031-01-31
expect 0 "NOT CERTIFIED" "$wskcert" certify --quiet --in-process "$saboteur" --waivers="$work/waivers" --today=2030-12-31 --out="$work/waived"
grep -q 'skipped message="expected failure: disable.in-progress.irp-waits-for-every-call (known &quot;well&quot;; until 2031-01-31)"' \
  "$work/waived/certificate.junit.xml" || { echo "FAILED: no expected failure in JUnit"; failed=1; }
# One too few, one that passed, one about nothing, one whose day is over: each its own status.
sed 2d "$work/waivers" > "$work/fewer"
expect 1 "1 rule FAILED" "$wskcert" waivers "$work/bad/certificate.pb" "$work/fewer" --today=2031-01-31
expect 7 "expired waiver: disable.in-progress.irp-waits-for-every-call" "$wskcert" waivers "$work/good/certificate.pb" "$work/waivers" --today=2031-02-01
expect 1 "expired waiver: " "$wskcert" waivers "$work/bad/certificate.pb" "$work/waivers" --today=2031-02-01
expect 5 "unexpected pass: disable.in-progress.irp-waits-for-every-call" "$wskcert" waivers "$work/good/certificate.pb" "$work/waivers" --today=2031-01-31
{ cat "$work/waivers"; echo 'waivers { rule: "disable.magic" reason: "?" expires: "2031-01-31" }'; } > "$work/stale"
expect 6 "stale waiver: disable.magic" "$wskcert" waivers "$work/bad/certificate.pb" "$work/stale" --today=2031-01-31
expect 6 "stale waiver: disable.magic" "$wskcert" certify --quiet --in-process "$saboteur" --waivers="$work/stale" --today=2031-01-31 --out="$work/stale-out"
grep -q 'type="stale-waiver"' "$work/stale-out/certificate.junit.xml" || { echo "FAILED: no stale waiver in JUnit"; failed=1; }
# What cannot be read is said before anything is played.
echo 'waivers { rule: "a" reason: "b" expires: "soon" }' > "$work/soon"
expect 3 "'soon' is no day" "$wskcert" certify --quiet --waivers="$work/soon"
expect 3 "'tomorrow' is no day" "$wskcert" certify --quiet --waivers="$work/stale" --today=tomorrow
expect 3 "--level=some" "$wskcert" certify --level=some
exit $failed
