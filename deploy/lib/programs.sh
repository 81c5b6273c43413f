# shellcheck shell=bash
# programs.sh: the five programs and the simulator: what each is started with, and when it is ready.

PROGRAMS="ingest resolver session sync broadcaster"

program_file() { # $1: folder
  if [ "$1" = ctl ]; then
    echo "$BUILD/ctl/hookline"
  else
    echo "$BUILD/$1/hookline-$1"
  fi
}

# The key that signs webhooks: the one given with --set, else the stack's own. Whoever signs or verifies here uses this one.
retell_api_key() {
  local row key=
  for row in "${SETTINGS_GIVEN[@]}"; do
    case $row in
      RETELL_API_KEY=*) key=${row#*=} ;;
      RETELL_API_KEY_FILE=*) key=$(cat "${row#*=}") ;;
    esac
  done
  if [ -n "$key" ]; then echo "$key"; else secret retell_api_key; fi
}

# A program's settings, NAME=VALUE lines as supervise_define takes them.
program_environment() { # $1: program
  echo "HOOKLINE_MANAGEMENT_LISTEN=127.0.0.1:$(port_of "$1-management")"
  echo "HOOKLINE_KAFKA_BOOTSTRAP=$BROKERS"
  echo "HOOKLINE_TOPIC_PREFIX=$TOPIC_PREFIX"
  case $1 in
    ingest)
      echo "HOOKLINE_LISTEN=127.0.0.1:$(port_of ingest)"
      echo "HOOKLINE_SPOOL_DIR=$RUN/spool"
      echo "HOOKLINE_RETELL_API_KEY=$(retell_api_key)"
      ;;
    resolver | session)
      echo "HOOKLINE_DATABASE_URL=$(database_url "hookline_$1")"
      echo "HOOKLINE_LOCK_DIRECTORY=$RUN/lock"
      ;;
    sync)
      echo "HOOKLINE_DATABASE_URL=$(database_url hookline_sync)"
      echo "HOOKLINE_LOCK_DIRECTORY=$RUN/lock"
      echo "HOOKLINE_RETELL_API_KEY=$(retell_api_key)"
      echo "HOOKLINE_RETELL_API_URL=http://127.0.0.1:$(port_of simulator)"
      ;;
    broadcaster)
      echo "HOOKLINE_DATABASE_URL=$(database_url hookline_feed)"
      echo "HOOKLINE_LISTEN=127.0.0.1:$(port_of broadcaster)"
      ;;
  esac
  program_settings_given "$1"
  env | grep -E '^(ASAN|UBSAN|LSAN)_OPTIONS=' || true
}

# Those of --set that this program has; the key is there already.
program_settings_given() { # $1: program
  local row
  for row in "${SETTINGS_GIVEN[@]}"; do
    case $row in
      RETELL_API_KEY=* | RETELL_API_KEY_FILE=*) ;;
      *) if program_knows "$1" "${row%%=*}"; then echo "HOOKLINE_$row"; fi ;;
    esac
  done
}

# Whether the setting stands in the program's table. Every program knows librdkafka's properties.
program_knows() { # $1: program, $2: setting
  local table
  [[ $2 != KAFKA_* ]] || return 0
  table=$("$(program_file "$1")" --settings-markdown)
  [[ $table == *"\`HOOKLINE_${2%_FILE}\`"* ]]
}

# Lets a program look at the settings it would get, and at no others; not as arguments, for there are passwords among them.
program_check() ( # $1: program
  local name row
  for name in $(compgen -e HOOKLINE_); do
    unset "$name"
  done
  while IFS= read -r row; do
    export "${row?}"
  done < <(program_environment "$1")
  "$(program_file "$1")" --check
)

# Refuses what no program has, and what one of them would refuse, before any of them is touched.
programs_check() {
  local program row known
  for row in "${SETTINGS_GIVEN[@]}"; do
    known=no
    for program in $PROGRAMS; do
      if program_knows "$program" "${row%%=*}"; then known=yes; fi
    done
    [ "$known" = yes ] || {
      echo "--set $row: no program has a setting ${row%%=*}"
      return 1
    }
  done
  retell_api_key >/dev/null
  for program in $PROGRAMS; do
    program_check "$program"
  done
}

programs_define() {
  local program
  for program in $PROGRAMS; do
    echo "127.0.0.1:$(port_of "$program-management")" >"$RUN/management/$program"
    program_environment "$program" >"$RUN/.environment"
    supervise_define "$program" "" "$(program_file "$program")" <"$RUN/.environment"
    rm -f "$RUN/.environment"
  done
}

programs_start() {
  local program
  for program in $PROGRAMS; do
    supervise_start "$program" "$(program_file "$program")"
  done
}

program_ready() { # $1: program
  curl -s -f -o /dev/null --max-time 2 "http://$(<"$RUN/management/$1")/readyz" ||
    {
      curl -sS --max-time 2 "http://$(<"$RUN/management/$1")/readyz?verbose"
      echo "$1 is not ready; the end of its log:"
      tail -n 5 "$RUN/log/$1/current"
      return 1
    }
}

programs_ready() {
  local program
  for program in $PROGRAMS; do
    wait_until 60 program_ready "$program"
  done
}
