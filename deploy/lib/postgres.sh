# shellcheck shell=bash
# postgres.sh: a PostgreSQL of our own: data checksums, passwords (SCRAM), TCP on loopback only, no socket file.
#
# Debian's own cluster, if there is one, is neither used nor touched. PostgreSQL refuses to run as root: there it runs as
# the user postgres, with its data in /var/lib/hookline/<hash of the run directory's path>, and $RUN/pg is a link to it.

postgres_directory() {
  if [ "$(id -u)" = 0 ]; then
    echo "/var/lib/hookline/$(printf '%s' "$RUN" | sha256sum | cut -c 1-16)"
  else
    echo "$RUN/pg"
  fi
}

postgres_as_its_user() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# The directory of the server's programs: the version of the data if there is any, else the newest.
postgres_programs() {
  local version
  version=$(cat "$RUN/pg/PG_VERSION" 2>/dev/null) || version=$(find /usr/lib/postgresql -path '*/bin/initdb' | cut -d / -f 5 | sort -n | tail -n 1)
  echo "/usr/lib/postgresql/$version/bin"
}

postgres_make() {
  local directory new
  directory=$(postgres_directory) new=$directory.new
  [ ! -e "$RUN/pg/PG_VERSION" ] || return 0
  rm -rf "$new"
  if [ "$(id -u)" = 0 ]; then
    install -d -m 755 /var/lib/hookline
    install -d -m 700 -o postgres -g postgres "$new"
    install -m 600 -o postgres "$RUN/secrets/hookline_admin" "$new.password"
  else
    install -m 600 "$RUN/secrets/hookline_admin" "$new.password"
  fi
  postgres_as_its_user "$(postgres_programs)/initdb" -D "$new" -U hookline_admin --pwfile="$new.password" -A scram-sha-256 \
    --data-checksums -E UTF8 --locale=C.UTF-8 --no-sync
  rm -f "$new.password"
  mv "$new" "$directory"
  [ "$directory" = "$RUN/pg" ] || ln -sfn "$directory" "$RUN/pg"
}

postgres_answers() {
  "$(postgres_programs)/pg_isready" -q -h 127.0.0.1 -p "$(port_of postgres)"
}

postgres_define() {
  local as_user=()
  [ "$(id -u)" != 0 ] || as_user=(chpst -u postgres)
  supervise_define postgres "" "${as_user[@]}" "$(postgres_programs)/postgres" -D "$(postgres_directory)" -p "$(port_of postgres)" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100 -c log_line_prefix='%m [%p] %q%u ' </dev/null
  # SIGTERM would wait until the last client has gone; SIGINT ends their sessions.
  # shellcheck disable=SC2016 # the hook's own variables
  printf '#!/bin/sh\nkill -INT "$(cat supervise/pid)"\n' | supervise_hook postgres control/t
}

postgres_start() {
  postgres_make
  supervise_start postgres
  wait_until 30 postgres_answers
  postgres_make_database
}

postgres_make_database() {
  local maintenance
  maintenance=$(database_url hookline_admin)
  maintenance=${maintenance%/hookline}/postgres
  database_psql "$maintenance" -c "SELECT FROM pg_database WHERE datname = 'hookline'" -c '\echo :ROW_COUNT' | grep -qx 1 ||
    database_psql "$maintenance" -c 'CREATE DATABASE hookline'
}

postgres_remove() {
  local directory
  directory=$(postgres_directory)
  rm -rf "$directory" "$directory.new" "$directory.new.password"
  [ "$(id -u)" != 0 ] || rmdir --ignore-fail-on-non-empty /var/lib/hookline
}
