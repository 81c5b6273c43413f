# shellcheck shell=bash
# system.sh: the whole stack on Apache Kafka, PostgreSQL and Chromium, and the tests that use it from outside.
#
# Each stack runs from a directory under build/ on free ports, built with sanitizers and failpoints, and is gone afterwards,
# however this ends. A report of a sanitizer in any log fails the run.

export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:quarantine_size_mb=32" # else memory seems to grow for long
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"

. "$ROOT/tests/lib/modules.sh"

# 5,000 cases; --count and --seed make more and others.
system_signatures() {
  node "$ROOT/tests/differential/signatures.mjs" "$ROOT/build/sanitize/tests/signature-verdicts"
}

# A short session time-out, so that Kafka misses a killed consumer soon.
system_up() { # more settings: --set NAME=VALUE …
  "$ROOT/deploy/up" --run "$SYSTEM_RUN" --no-simulator --build "$ROOT/build/sanitize" --set SESSION_TIMEOUT_MS=6000 "$@"
}

# What takes minutes in production takes seconds here: librdkafka's standstills are mended, and sync asks, within a round.
system_up_for_chaos() {
  system_up --set STALL_AFTER_MS=10000 --set LIVE_AFTER_MS=5000 --set MISSING_AFTER_MS=3000 --set RETRY_FIRST_MS=1000 --set LEASE_MS=5000
}

system_chaos() { # arguments of chaos.py
  env -u PYTHONPATH -u PYTHONHOME /usr/bin/python3 "$ROOT/tests/chaos/chaos.py" --run "$SYSTEM_RUN" --build "$ROOT/build/sanitize" "$@" 2>&1 </dev/null
}

system_down() {
  "$ROOT/deploy/down" --run "$SYSTEM_RUN"
  if grep '^note: not within' "$SYSTEM_RUN/log/steps/stop_parts.log"; then
    tail -n 20 "$SYSTEM_RUN"/log/*/current
    return 1
  fi
  RUN=$SYSTEM_RUN
  # shellcheck source=deploy/lib/process.sh
  . "$ROOT/deploy/lib/process.sh"
  process_none || {
    echo "These processes are left:"
    process_list | xargs ps -fp
    return 1
  }
}

# After the end of all programs: leaks are reported when a program ends.
system_sanitizers() {
  local found
  found=$(grep -rlE 'ERROR: (Address|Leak|Undefined)[A-Za-z]*Sanitizer|runtime error:' "$SYSTEM_RUN/log" || true)
  [ -z "$found" ] || {
    # shellcheck disable=SC2086 # a list of files; none of our names has a space
    grep -hE -A 25 'ERROR: (Address|Leak|Undefined)[A-Za-z]*Sanitizer|runtime error:' $found
    return 1
  }
}

# Called by the trap of tests/run, and for what a killed one left: no stack outlives it.
system_remove() { # $1: a scratch directory
  local name
  for name in system storm; do
    [ ! -e "$1/$name" ] || "$ROOT/deploy/down" --wipe --run "$1/$name" >/dev/null
  done
}

# For whoever looks into a failure: the programs' logs outlive the stack.
system_keep_logs() { # $1: the stack's name
  rm -rf "$ROOT/build/failed-$1-logs"
  cp -r "$SYSTEM_RUN/log" "$ROOT/build/failed-$1-logs"
  echo "      the programs' logs: build/failed-$1-logs/"
}

system_file() { # $1: a test file
  local name log outcome seconds text started=$EPOCHREALTIME before
  name=$(basename "$1" .test.mjs) log=$LOGS/$(basename "$1").log
  before=$(wc -l <"$TALLY")
  HOOKLINE_TEST_RUN=$SYSTEM_RUN node --test-reporter="$ROOT/tests/system/support/reporter.mjs" \
    --test-reporter-destination=/dev/fd/3 "$1" 3>&1 >"$log" 2>&1 </dev/null |
    while read -r outcome seconds text; do
      case $outcome in
        pass | fail | skip) tally "$outcome" "system / $name: $text" "$seconds" ;;
        *) printf '      %s %s %s\n' "$outcome" "$seconds" "$text" ;;
      esac
    done
  if [ "${PIPESTATUS[0]}" != 0 ] && ! tail -n "+$((before + 1))" "$TALLY" | grep -q '^fail'; then
    tally fail "system / $name" "$(tally_since "$started")" "$log"
  fi
}

# Whatever the tests did so far, no program ended by itself.
system_no_restart() {
  local part restarted=0
  for part in "$SYSTEM_RUN"/starts/*; do
    if [ "$(wc -l <"$part")" -gt 1 ]; then
      echo "${part##*/} was started $(wc -l <"$part") times; the end of its log:"
      tail -n 20 "$SYSTEM_RUN/log/${part##*/}/current"
      restarted=1
    fi
  done
  return "$restarted"
}

# Kafka stopped under load, ingest killed meanwhile: the spool keeps what got 200.
system_brokers_away() {
  env -u PYTHONPATH -u PYTHONHOME /usr/bin/python3 "$ROOT/tests/chaos/brokers_away.py" --run "$SYSTEM_RUN" --stopped --seconds 12 \
    --kills 1 --rate 200
}

# Every failpoint once, then random deeds (tests/chaos/chaos.py), one line a round.
system_storms() { # $1: minutes
  local line before
  before=$(wc -l <"$TALLY")
  system_chaos --failpoints kill --minutes "$1" | {
    local started=$EPOCHREALTIME
    while IFS= read -r line; do
      case $line in
        round*"; 0 findings") tally pass "chaos / $line" "$(tally_since "$started")" ;;
        round*) tally fail "chaos / $line" "$(tally_since "$started")" ;;
        chaos*) echo "      $line" ;;
        *) echo "      | $line" ;;
      esac
      started=$EPOCHREALTIME
    done
  }
  if [ "${PIPESTATUS[0]}" != 0 ] && ! tail -n "+$((before + 1))" "$TALLY" | grep -q '^fail'; then
    tally fail "chaos / chaos.py" 0
  fi
}

# One stack from deploy/up to deploy/down, and what is done with it in between.
system_stack() { # $1: its name, $2: what starts it, then a function and its arguments
  local name=$1 start=$2 failures
  shift 2
  SYSTEM_RUN=$SCRATCH/$name
  failures=$(tally_count fail)
  tally_run "$name / deploy/up starts the stack" "$start"
  if tally_passed; then
    "$@"
    tally_run "$name / deploy/down leaves no process" system_down
    tally_run "$name / no report of a sanitizer" system_sanitizers
  fi
  [ "$(tally_count fail)" = "$failures" ] || system_keep_logs "$name"
  "$ROOT/deploy/down" --wipe --run "$SYSTEM_RUN" >/dev/null
}

system_files() {
  local file
  for file in "$ROOT"/tests/system/*.test.mjs; do
    system_file "$file"
  done
  tally_run "system / a body of 11 MiB is one call among others" /usr/bin/python3 "$ROOT/tests/chaos/large.py" --run "$SYSTEM_RUN"
  tally_run "system / no program had to be started again" system_no_restart
  tally_run "system / Kafka is away for 12 s, ingest is killed meanwhile" system_brokers_away
}

# The storms' judge knows every event that may be in the database: they have a stack of their own.
system_tests() {
  tally_run "system / modules from npm" system_modules
  if tally_passed; then
    tally_run "system / verdicts on signatures are those of retell-sdk, stripe and node:crypto" system_signatures
    system_stack system system_up system_files
  fi
  system_stack storm system_up_for_chaos system_storms "${CHAOS_MINUTES:-2}"
}

# The container stack, where there is an engine.
compose_tests() {
  local outcome seconds name log=$LOGS/compose.log
  (system_modules && exec "$ROOT/tests/compose/run") >"$log" 2>&1 </dev/null
  local code=$?
  if [ "$code" = 77 ]; then
    tally skip "compose" 0 "$log"
    return
  fi
  while read -r outcome seconds name; do
    case $outcome in
      pass | fail | skip) tally "$outcome" "compose / $name" "$seconds" ;;
      *) printf '      | %s\n' "$outcome $seconds $name" ;;
    esac
  done <"$log"
  if [ "$code" != 0 ] && ! grep -q '^fail ' "$log"; then tally fail "compose" 0 "$log"; fi
}
