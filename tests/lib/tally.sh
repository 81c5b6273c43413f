# shellcheck shell=bash
# tally.sh: one line for each test, whatever its kind, and the count of them at the end.
#
#     tally pass|fail|skip NAME SECONDS [LOG]        a failing test's log is shown at once
#     tally_run NAME FUNCTION…                       a check is a test: it fails when the function does; exit 77 skips
#     tally_passed || return                         asks for the outcome of the last one
#
# $TALLY holds the outcomes, so that subshells and pipes count too. tally_run is for a script without `set -e` and must not
# stand in a condition: bash would ignore `set -e` in all that it calls.

tally() {
  local outcome=$1 name=$2 seconds=$3 log=${4-}
  printf '%s %s\n' "$outcome" "$name" >>"$TALLY"
  printf '  %-4s %8.2f s  %s\n' "$outcome" "$seconds" "$name"
  if [ "$outcome" = fail ] && [ -n "$log" ]; then
    tail -n "${TALLY_LINES:-80}" "$log" | sed 's/^/      | /'
  elif [ "$outcome" = skip ] && [ -n "$log" ]; then
    tail -n 1 "$log" | sed 's/^/      because: /'
  fi
}

tally_run() {
  local name=$1 started=$EPOCHREALTIME code log
  shift
  log=$LOGS/${1##*/}.log # a command may be given by its path
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  code=$?
  case $code in
    0) tally pass "$name" "$(tally_since "$started")" ;;
    77) tally skip "$name" "$(tally_since "$started")" "$log" ;;
    *) tally fail "$name" "$(tally_since "$started")" "$log" ;;
  esac
}

tally_passed() {
  [[ $(tail -n 1 "$TALLY") != fail\ * ]]
}

tally_since() { # $1: EPOCHREALTIME at the start
  local now=${EPOCHREALTIME/[.,]/} start=${1/[.,]/}
  printf '%d.%02d' $(((now - start) / 1000000)) $(((now - start) / 10000 % 100))
}

tally_count() {
  grep -c "^$1 " "$TALLY" || true
}

# The last line of a run; true if nothing failed and something was tested.
tally_end() {
  printf '%d passed, %d failed, %d skipped\n' "$(tally_count pass)" "$(tally_count fail)" "$(tally_count skip)"
  [ "$(tally_count fail)" = 0 ] && [ "$(tally_count pass)" -gt 0 ]
}
