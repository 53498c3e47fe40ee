#!/usr/bin/env bash
# chains_test.sh CHAINS: the same arguments give the same, nothing is found a few mutations away from the suite and from corpus/differential_fuzzer, and
# what cannot be is said.
set -euo pipefail
chains=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; exit 1; }

for run in 1 2; do
  "$chains" 3000 --seed=5 --findings="$work" corpus/differential_fuzzer > "$work/$run" || fail "run $run: status $?: $(cat "$work/$run")"
done
diff "$work/1" "$work/2" || fail "the same arguments gave another result"
grep -qE '^3000 executions, [0-9]{5,} observations, [0-9]{2,} rules exercised, 0 kinds of findings$' "$work/1" || fail "printed: $(cat "$work/1")"
"$chains" 3000 --seed=6 --findings="$work" corpus/differential_fuzzer > "$work/3" || fail "seed 6: status $?: $(cat "$work/3")"
cmp -s "$work/1" "$work/3" && fail "another seed gave the same"

# One input alone exercises less than the suite does.
"$chains" 3000 --seed=5 --findings="$work" --inputs-only corpus/differential_fuzzer/register.several_clients > "$work/4" || fail "inputs only: status $?: $(cat "$work/4")"
rules() { grep -oE '[0-9]+ rules' "$1" | cut -d' ' -f1; }
[[ $(rules "$work/4") -lt $(rules "$work/1") ]] || fail "--inputs-only: $(cat "$work/4")"

# refused TEXT ARGUMENT...
refused() {
  local text=$1 status=0
  shift
  "$chains" "$@" > "$work/out" 2>&1 || status=$?
  [[ $status -eq 3 ]] || fail "chains $*: status $status"
  grep -qF "$text" "$work/out" || fail "chains $*: $(cat "$work/out")"
}
refused 'usage: chains'
refused 'usage: chains' 0
refused 'usage: chains' 10 --length=0
refused 'usage: chains' 10 --seed=x
refused 'usage: chains' 10 --unknown
refused 'usage: chains' 10 --inputs-only
mkdir "$work/empty"
refused 'no input is there' 10 --inputs-only "$work/empty"
refused "$work/none" 10 "$work/none"
printf '\377\377' > "$work/garbage"
refused "$work/garbage: is no input" 10 "$work/garbage"
