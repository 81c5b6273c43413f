# shellcheck shell=bash
# database.sh: who connects to which PostgreSQL: the private one, or the one given with --database.
#
# A given URI is an administrator's: it may create roles and owns the database it names. Passwords never stand in an
# argument list, where every user of the machine could read them.

# shellcheck disable=SC2034 # deploy/up makes their passwords
DATABASE_ROLES="hookline_resolver hookline_session hookline_sync hookline_feed hookline_reader hookline_ctl"

# postgresql://USER:PASSWORD@REST. Each of these prints its part of $1, the password decoded.
database_uri_rest() {
  sed -E 's|^postgres(ql)?://([^@/]*@)?||' <<<"$1"
}

database_uri_user() {
  sed -nE 's|^postgres(ql)?://([^:@/]*)(:[^@/]*)?@.*|\2|p' <<<"$1"
}

database_uri_password() {
  printf '%b' "$(sed -nE 's|^postgres(ql)?://[^:@/]*:([^@/]*)@.*|\2|p' <<<"$1" | sed 's/%\(..\)/\\x\1/g')"
}

# The URL with which a role connects; hookline_admin is whoever may migrate.
database_url() { # $1: role
  if [ -z "$DATABASE_GIVEN" ]; then
    echo "postgresql://$1:$(secret "$1")@127.0.0.1:$(port_of postgres)/hookline"
  elif [ "$1" = hookline_admin ]; then
    echo "$DATABASE_GIVEN"
  else
    echo "postgresql://$1:$(secret "$1")@$(database_uri_rest "$DATABASE_GIVEN")"
  fi
}

# psql without the user's own settings; stops at the first error; rows only.
database_psql() { # $1: URL, then psql's arguments
  local url=$1 user
  shift
  user=$(database_uri_user "$url")
  PGPASSWORD=$(database_uri_password "$url") PGCONNECT_TIMEOUT=5 \
    psql -X -q -A -t -w -v ON_ERROR_STOP=1 -d "postgresql://${user:+$user@}$(database_uri_rest "$url")" "$@"
}

database_answers() {
  database_psql "$(database_url hookline_admin)" -c 'SELECT' >/dev/null
}

database_migrate() {
  HOOKLINE_DATABASE_URL=$(database_url hookline_admin) "$(program_file ctl)" migrate --passwords "$RUN/secrets"
}
