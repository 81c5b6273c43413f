# shellcheck shell=bash
# process.sh: which processes belong to the stack in $RUN, told by what they carry and never by their name alone.
#
# Everything that the supervisor starts inherits STACK_RUN_DIR=$RUN. PostgreSQL's children write over their environment:
# they are told by their working directory. A pid file may be stale and its number another's, so it is asked, not believed.

process_is_ours() { # $1: pid
  [ -n "${1-}" ] && [ -d "/proc/$1" ] || return 1
  grep -qzxF "STACK_RUN_DIR=$RUN" "/proc/$1/environ" 2>/dev/null || process_is_our_postgres "$1"
}

process_is_our_postgres() { # $1: pid
  local data
  data=$(readlink -f "$RUN/pg" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$1/cwd" 2>/dev/null)" = "$data" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = postgres ]
}

# All of them, one pid a line.
process_list() {
  local pid
  {
    grep -lzxF "STACK_RUN_DIR=$RUN" /proc/[0-9]*/environ 2>/dev/null || true
    find /proc/[0-9]*/cwd -maxdepth 0 -lname "$(readlink -f "$RUN/pg" 2>/dev/null || echo /nowhere)" 2>/dev/null || true
  } | sed -n 's|^/proc/\([0-9]*\)/.*|\1|p' | sort -un |
    while read -r pid; do
      if [ "$pid" != "$$" ] && process_is_ours "$pid"; then echo "$pid"; fi
    done
}

process_none() {
  [ -z "$(process_list)" ]
}

# Ends one process of ours: asks, waits ten seconds, kills. Any other pid is left alone.
process_end() { # $1: pid
  local pid=${1-} tries
  process_is_ours "$pid" || return 0
  kill -TERM "$pid" 2>/dev/null || true
  for ((tries = 0; tries < 100; tries++)); do
    process_is_ours "$pid" || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
}

# Ends whatever is left, supervisors first: they would start the others again.
process_end_all() {
  local pid tries
  for ((tries = 0; tries < 150; tries++)); do
    process_none && return
    for pid in $(process_list); do
      case $(cat "/proc/$pid/comm" 2>/dev/null) in
        runsvdir | runsv) kill -TERM "$pid" 2>/dev/null || true ;;
        postgres) kill -INT "$pid" 2>/dev/null || true ;;
        svlogd) ;; # ends with its input, after the last line
        *) kill -TERM "$pid" 2>/dev/null || true ;;
      esac
    done
    sleep 0.1
  done
  for pid in $(process_list); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  wait_until 10 process_none
}
