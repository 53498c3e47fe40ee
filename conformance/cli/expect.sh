# What the tests of the command line share: `expect`, and a directory `work` that goes when the test ends. To be sourced.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect STATUS TEXT COMMAND...: the command exits with STATUS and prints TEXT somewhere.
expect() {
  local status=$1 text=$2 got=0
  shift 2
  "$@" > "$work/output" 2>&1 < /dev/null || got=$?
  if [[ $got -ne $status ]] || { [[ $text ]] && ! grep -qF -- "$text" "$work/output"; }; then
    echo "FAILED: $*"
    echo "  expected status $status and '$text'; got status $got and:"
    head -n 20 "$work/output" | sed 's/^/  /'
    failed=1
  fi
}
