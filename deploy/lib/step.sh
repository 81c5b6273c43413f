# shellcheck shell=bash
# step.sh: one line for each thing done, with the seconds it took; a thing that fails shows the end of its own log.
#
#     step "Migrate" "Is another program using the database?" migrate_schema ARGUMENTS…
#     step_begin jars kafka_resolve …  step_end jars "Kafka's jars" "…"      the same, beside other steps
#
# Each step runs in a subshell under `set -e`, so what it learns it leaves in files, never in variables. Its output goes to
# $STEP_LOGS/NAME.log; the terminal gets the line.

step_say() {
  printf '%s\n' "$*"
}

# Refuses to go on. The first argument says what is wrong, the second what to do about it.
step_refuse() {
  printf '\n%s: %s\n' "${0##*/}" "$1" >&2
  [ -z "${2-}" ] || printf '  %s\n' "$2" >&2
  exit "${3-1}"
}

step_seconds_since() { # $1: EPOCHREALTIME at the start
  local now=${EPOCHREALTIME/[.,]/} start=${1/[.,]/}
  printf '%d.%d' $(((now - start) / 1000000)) $(((now - start) / 100000 % 10))
}

step_failed() { # $1: title, $2: log, $3: what to do
  printf 'failed\n\nThe end of %s:\n' "$2"
  tail -n 25 "$2" | sed 's/^/  | /'
  printf '\n%s did not succeed. %s\n' "$1" "$3"
  exit 1
} >&2

step() { # $1: title, $2: what to do when it fails, then a function and its arguments
  local title=$1 remedy=$2 started=$EPOCHREALTIME code log
  shift 2
  log=$STEP_LOGS/$1.log
  printf '  %-44s ' "$title"
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null 9>&-
  code=$?
  set -e
  [ "$code" = 0 ] || step_failed "$title" "$log" "$remedy"
  printf '%6s s%s\n' "$(step_seconds_since "$started")" "$(step_note "$log")"
}

# What a step wants to say on its line: the last line of its log that starts with "note: ".
step_note() {
  sed -n 's/^note: /   /p' "$1" | tail -n 1
}

declare -A STEP_PIDS=() STEP_STARTS=()

step_begin() { # $1: name, then a function and its arguments
  local name=$1
  shift
  STEP_STARTS[$name]=$EPOCHREALTIME
  (
    set -e
    "$@"
    printf '%s' "$(step_seconds_since "${STEP_STARTS[$name]}")" >"$STEP_LOGS/$name.seconds"
  ) >"$STEP_LOGS/$name.log" 2>&1 </dev/null 9>&- &
  STEP_PIDS[$name]=$!
}

step_end() { # $1: name, $2: title, $3: what to do when it failed
  local name=$1 title=$2 remedy=$3
  printf '  %-44s ' "$title"
  wait "${STEP_PIDS[$name]}" || step_failed "$title" "$STEP_LOGS/$name.log" "$remedy"
  unset "STEP_PIDS[$name]"
  printf '%6s s%s\n' "$(<"$STEP_LOGS/$name.seconds")" "$(step_note "$STEP_LOGS/$name.log")"
}

# Runs a function and ends it, children and all, as soon as a signal comes: bash alone would let the command that it is
# waiting for come to its end first, and a build or an installation takes its time.
step_guarded() {
  trap 'step_interrupted 130' INT
  trap 'step_interrupted 143' TERM HUP
  "$@" &
  STEP_GUARDED=$!
  wait "$STEP_GUARDED"
}

step_interrupted() { # $1: exit code; STEP_INTERRUPTED: what that means for who interrupted
  trap '' INT TERM HUP
  step_end_tree "$STEP_GUARDED"
  wait "$STEP_GUARDED" 2>/dev/null || true
  printf '\n\n%s: interrupted. %s\n' "${0##*/}" "${STEP_INTERRUPTED-}" >&2
  exit "$1"
}

step_end_tree() { # $1: pid
  local children child
  children=$(grep -lx "PPid:[[:space:]]*$1" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3) || true
  kill -TERM "$1" 2>/dev/null || true
  for child in $children; do
    step_end_tree "$child"
  done
}

# Runs a command until it succeeds; false after so many seconds. Its output is shown only for the last try.
wait_until() { # $1: seconds, then a command
  local deadline=$((SECONDS + $1)) output
  shift
  until output=$("$@" 2>&1); do
    if [ "$SECONDS" -ge "$deadline" ]; then
      printf '%s\n' "$output" "Not within the time: $*"
      return 1
    fi
    sleep 0.1
  done
  [ -z "$output" ] || printf '%s\n' "$output"
}
