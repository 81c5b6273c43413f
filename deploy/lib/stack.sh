# shellcheck shell=bash
# stack.sh: the run directory that deploy/up and deploy/down work on, and the lock that keeps them apart.
#
#     RUN/  env (how to find the stack)  bin/hookline  ports  secrets/  pids/  starts/  management/  log/  lock/  service/
#           pg (a link, as root)  kafka/
#
# Refuses a directory that belongs to somebody else, one that was copied or moved from another place (its parts would be
# another stack's), and one that is no run directory but holds something.

stack_choose() { # $1: --run, or "" for .run in the checkout
  RUN=${1:-$ROOT/.run}
  RUN=$(realpath -ms "$RUN")
  # shellcheck disable=SC2034 # step.sh reads it
  STEP_LOGS=$RUN/log/steps
}

stack_check() {
  [ -e "$RUN" ] || return 0
  [ -O "$RUN" ] || step_refuse "$RUN belongs to $(stat -c %U "$RUN")" "Run this as $(stat -c %U "$RUN"), or choose another with --run."
  if [ ! -e "$RUN/path" ]; then
    [ -z "$(ls -A "$RUN")" ] || step_refuse "$RUN is not a run directory of hookline" "Choose another with --run."
  elif [ "$(<"$RUN/path")" != "$RUN" ]; then
    step_refuse "$RUN was made as $(<"$RUN/path") and copied or moved here" \
      "If no stack runs from it, remove it (rm -r $RUN) and start again; the data of the original stay where they are."
  fi
}

stack_make() {
  mkdir -p "$RUN"
  chmod 700 "$RUN"
  mkdir -p "$RUN"/{bin,lock,log/steps,management,pids,secrets,service,starts}
  echo "$RUN" >"$RUN/path"
}

stack_lock() {
  exec 9>"$RUN/.lock"
  flock -n 9 || step_refuse "another deploy/up or deploy/down is at work on $RUN" "Wait for it to end."
}
