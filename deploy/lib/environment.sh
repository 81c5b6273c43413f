# shellcheck shell=bash
# environment.sh: how scripts and people find the stack: $RUN/env and $RUN/bin/hookline.
#
# $RUN/env is a stable contract, documented in docs/operations.md: shell assignments, every value in single quotes, mode
# 0600 because it holds keys.

environment_row() { # $1: name, $2: value
  printf "%s='%s'\n" "$1" "${2//\'/\'\\\'\'}"
}

environment_write() {
  {
    echo "# Written by deploy/up; docs/operations.md says what each is. Secret."
    environment_row INGEST_URL "http://127.0.0.1:$(port_of ingest)"
    environment_row DASHBOARD_URL "http://127.0.0.1:$(port_of broadcaster)"
    environment_row DASHBOARD_TOKEN "$(secret token_1)"
    environment_row DASHBOARD_TOKEN_2 "$(secret token_2)"
    environment_row DEMO_NUMBER "${DEMO_NUMBER[1]}"
    environment_row DEMO_NUMBER_2 "${DEMO_NUMBER[2]}"
    environment_row RETELL_API_KEY "$(retell_api_key)"
    environment_row DATABASE_URL "$(database_url hookline_reader)"
    environment_row KAFKA_BOOTSTRAP "$BROKERS"
    environment_row TOPIC_PREFIX "$TOPIC_PREFIX"
    environment_row HOOKLINE "$RUN/bin/hookline"
    environment_row PIDS_DIR "$RUN/pids"
  } >"$RUN/env.new"
  chmod 600 "$RUN/env.new"
  mv "$RUN/env.new" "$RUN/env"
}

# The command `hookline` with the settings of this stack, whatever the caller's environment says; those of --set that it has,
# too, but for the log's, which it prints to a person.
environment_write_command() {
  cat >"$RUN/bin/hookline.new" <<COMMAND
#!/bin/sh
# Written by deploy/up: hookline, for the stack in this directory. Migrations are an administrator's; all else is not.
export HOOKLINE_KAFKA_BOOTSTRAP=$(printf %q "$BROKERS") HOOKLINE_TOPIC_PREFIX=$(printf %q "$TOPIC_PREFIX")
export HOOKLINE_RUN_DIR=$(printf %q "$RUN") HOOKLINE_INGEST_URL=$(printf %q "http://127.0.0.1:$(port_of ingest)")
export HOOKLINE_RETELL_API_KEY=$(printf %q "$(retell_api_key)") HOOKLINE_AUDIT_KEY=$(printf %q "$(secret audit_key)")
export HOOKLINE_SPOOL_DIR=$(printf %q "$RUN/spool")
export HOOKLINE_DEMO_NUMBERS=$(printf %q "${DEMO_NUMBER[1]},${DEMO_NUMBER[2]}")
$(program_settings_given ctl | sed '/^HOOKLINE_LOG_/d' | while IFS= read -r row; do echo "export $(printf %q "$row")"; done)
if [ "\$1" = migrate ]; then
  export HOOKLINE_DATABASE_URL=$(printf %q "$(database_url hookline_admin)")
else
  export HOOKLINE_DATABASE_URL=$(printf %q "$(database_url hookline_ctl)")
fi
exec $(printf %q "$(program_file ctl)") "\$@"
COMMAND
  chmod 700 "$RUN/bin/hookline.new"
  mv "$RUN/bin/hookline.new" "$RUN/bin/hookline"
}
