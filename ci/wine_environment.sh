# For scripts that use Wine: where it is, one prefix, and how it is started and stopped. No display is needed. Sourced at the top of the repository.
wine=/usr/lib/wine/wine64
wineserver=/usr/lib/wine/wineserver64
export WINEPREFIX=$PWD/build/wine
export WINEDEBUG=-all
# No Mono, no HTML engine: nobody is asked to install them.
export WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY
wine_log=$PWD/build/wine.log

# Keeps this shell, and what it starts from here on, on one processor: a race in Wine's thread pool kills the driver's process otherwise
# (docs/wine.md). Several things of Wine also run faster so.
wine_pin() {
  local processors
  processors=$(taskset -cp $$)
  taskset -cp "${processors##*[ ,-]}" $$ > /dev/null
}

# wine_run SECONDS PROGRAM ARGUMENTS...
wine_run() {
  local seconds=$1
  shift
  timeout "$seconds" "$wine" "$@"
}

wine_stop() {
  "$wineserver" -k > /dev/null 2>&1 || true
  "$wineserver" -w > /dev/null 2>&1 || true
}

# Starts a server that stays, for otherwise the driver goes with the last program, and loads the driver. Whatever runs on must not keep the caller's
# pipes. On a prefix that has just been made the services know of a new one only after a restart.
wine_start() {
  local try
  for try in 1 2 3; do
    setsid "$wineserver" -p < /dev/null >> "$wine_log" 2>&1
    if setsid timeout 60 "$wine" build/driver/wskshimctl.exe load < /dev/null >> "$wine_log" 2>&1; then return 0; fi
    wine_stop
  done
  echo "the driver cannot be loaded under Wine:" >&2
  tail -n 5 "$wine_log" >&2
  return 1
}

# Makes the prefix, if it is not there, and tells Wine's services about the driver.
wine_prepare() {
  mkdir -p "$WINEPREFIX"
  if [[ ! -e $WINEPREFIX/system.reg ]]; then
    setsid "$wineserver" -p < /dev/null >> "$wine_log" 2>&1
    setsid timeout 120 "$wine" wineboot -i < /dev/null >> "$wine_log" 2>&1
  fi
  setsid timeout 60 "$wine" build/driver/wskshimctl.exe install build/driver/wskshim.sys < /dev/null >> "$wine_log" 2>&1
  wine_stop
}
