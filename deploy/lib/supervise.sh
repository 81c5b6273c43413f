# shellcheck shell=bash
# supervise.sh: runit keeps every part running: one folder under $RUN/service for each.
#
#     $RUN/service/NAME/run       writes pids/NAME.pid, adds a line to starts/NAME, becomes the program
#     $RUN/service/NAME/env/      its environment, a file for each variable: change one, `sv restart` the part
#     $RUN/log/NAME/current       what it printed; svlogd turns to a new file at 5 MB and keeps ten
#
# A part that dies is started again after a second. runsvdir starts whatever has no file `down`, and in no order; so each
# part has one while runsvdir starts, and loses it when its turn has come.

# Whether runsv says that the part runs.
supervise_runs() { # $1: part
  process_is_ours "$(supervise_pid "$1")"
}

supervise_pid() { # $1: part
  cat "$RUN/service/$1/supervise/pid" 2>/dev/null || true
}

# Writes the part's folder. Standard input: its environment, NAME=VALUE lines. A running part whose folder changed is
# marked, and supervise_start starts it again.
supervise_define() { # $1: part, $2: lines for the run script before the program, or "", then the program and its arguments
  local part=$1 before=$2 new old row
  shift 2
  new=$RUN/service.new/$part old=$RUN/service/$part
  rm -rf "$new"
  mkdir -p "$new/env" "$new/log" "$RUN/log/$part"
  while IFS= read -r row; do
    printf '%s\n' "${row#*=}" >"$new/env/${row%%=*}"
  done
  supervise_write_run "$part" "$before" "$@" >"$new/run"
  printf '#!/bin/sh\nexec svlogd %q\n' "$RUN/log/$part" >"$new/log/run"
  printf 's5000000\nn10\n' >"$RUN/log/$part/config"
  chmod 700 "$new/run" "$new/log/run"
  if [ ! -d "$old" ]; then
    touch "$new/down"
    mv "$new" "$old"
  elif ! diff -r -x supervise -x down -x control -x finish -x changed "$new" "$old" >/dev/null; then
    touch "$old/changed" # first: who is interrupted here starts the part once too often, never once too little
    rm -rf "$old/env"
    mv "$new/env" "$old/env"
    mv "$new/run" "$old/run"
    mv "$new/log/run" "$old/log/run"
  fi
  rm -rf "$RUN/service.new"
}

supervise_write_run() {
  local part=$1 before=$2
  shift 2
  cat <<RUN_SCRIPT
#!/bin/bash
# Written by deploy/up; runsv executes it whenever $part is to start.
exec 2>&1 </dev/null
cd /
RUN=$(printf %q "$RUN")
# A pid in the file means that its environment has been read: who sees it may change the environment of the next start.
[ "\${1-}" = again ] || exec chpst -e "\$RUN/service/$part/env" "\$RUN/service/$part/run" again
. $(printf %q "$ROOT/deploy/lib/process.sh")
process_end "\$(cat "\$RUN/pids/$part.pid" 2>/dev/null)" # one that lost its supervisor
echo "\$\$" >"\$RUN/pids/.$part.new" && mv "\$RUN/pids/.$part.new" "\$RUN/pids/$part.pid"
echo "\$EPOCHSECONDS" >>"\$RUN/starts/$part"
$before
exec $(printf '%q ' "$@")
RUN_SCRIPT
}

# A script that runit calls: control/t instead of SIGTERM, finish after an end.
supervise_hook() { # $1: part, $2: control/t or finish; standard input: its lines
  local file=$RUN/service/$1/$2
  mkdir -p "${file%/*}"
  cat >"$file.new"
  chmod 700 "$file.new"
  mv "$file.new" "$file"
}

supervise_alive() {
  process_is_ours "$(cat "$RUN/supervisor.pid" 2>/dev/null)"
}

# Starts runsvdir, in an environment and a session of its own, with every part down.
supervise_open() {
  local part
  supervise_alive && return
  process_end_all # parts that outlived an earlier supervisor
  for part in "$RUN"/service/*/; do
    touch "$part/down"
  done
  env -i --default-signal=INT PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 STACK_RUN_DIR="$RUN" \
    setsid runsvdir -P "$RUN/service" >"$RUN/log/runsvdir.log" 2>&1 </dev/null 8>&- 9>&- &
  echo $! >"$RUN/supervisor.pid"
}

supervise_watched() { # $1: part
  [ -p "$RUN/service/$1/supervise/ok" ] && sv status "$RUN/service/$1" >/dev/null 2>&1
}

supervise_unwatched() { # $1: part
  ! supervise_watched "$1"
}

# Starts a part, or starts it again if its folder or its program ($2) is not what runs.
supervise_start() {
  local part=$1 program=${2-} folder=$RUN/service/$1 pid
  wait_until 10 supervise_watched "$part"
  rm -f "$folder/down"
  pid=$(supervise_pid "$part")
  if process_is_ours "$pid"; then
    if [ ! -e "$folder/changed" ] && { [ -z "$program" ] || [ "/proc/$pid/exe" -ef "$program" ]; }; then
      echo "note: was running"
      return
    fi
    sv -w 30 force-restart "$folder"
    echo "note: started again"
  else
    sv up "$folder"
  fi
  rm -f "$folder/changed"
}

# Asks parts to stop and waits; who takes longer than 60 s is named, and is ended later (process_end_all). Kafka's first
# orderly stop writes its archive of loaded classes, which took over 30 s on two busy cores.
supervise_stop() { # parts
  local part folders=() slow
  for part; do
    if supervise_watched "$part"; then folders+=("$RUN/service/$part"); fi
  done
  [ ${#folders[@]} != 0 ] || return 0
  if ! sv -w 60 down "${folders[@]}"; then
    slow=$(sv status "${folders[@]}" | sed -n 's|^run: .*/\([a-z]*\): (pid.*|\1|p' | tr '\n' ' ')
    echo "note: not within 60 s: $slow"
  fi
}

# No such part any more.
supervise_remove() { # $1: part
  [ -d "$RUN/service/$1" ] || return 0
  supervise_stop "$1"
  sv exit "$RUN/service/$1" 2>/dev/null || true
  wait_until 10 supervise_unwatched "$1"
  wait_until 10 rm -rf "${RUN:?}/service/$1" "$RUN/pids/$1.pid" "$RUN/management/$1" # runsvdir may look just now
}
