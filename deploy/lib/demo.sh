# shellcheck shell=bash
# demo.sh: two companies with a number, an agent and a token each, and the simulator that calls them.
#
# The numbers are from the ranges that Germany's Bundesnetzagentur keeps free for film and radio (Berlin 030 23125 xxx,
# Munich 089 99998 xxx): they ring nobody. Adding what exists changes nothing.

DEMO_COMPANIES="1 2"
declare -A DEMO_NAME=([1]="Praxis am Park" [2]="Salon Nord")
declare -A DEMO_NUMBER=([1]=+493023125001 [2]=+498999998002)
declare -A DEMO_AGENT=([1]=agent_demo_praxis [2]=agent_demo_salon)

# The command as the stack's operator would call it.
operator() {
  "$RUN/bin/hookline" "$@"
}

demo_companies() {
  local id
  for id in $DEMO_COMPANIES; do
    operator company add "${DEMO_NAME[$id]}" --id "$id"
    operator number add "${DEMO_NUMBER[$id]}" --company "$id"
    operator agent add "${DEMO_AGENT[$id]}" --company "$id" --name "${DEMO_NAME[$id]}"
  done
}

demo_dashboard() { # $1: company, $2: path; what the API answers to the company's token
  curl -sS -f --max-time 5 -H "Authorization: Bearer $(secret "token_$1")" "http://127.0.0.1:$(port_of broadcaster)$2"
}

# A token is shown once, when it is made; it is kept in $RUN/secrets and made anew only when this database does not know it.
demo_tokens() {
  local id
  for id in $DEMO_COMPANIES; do
    [ -s "$RUN/secrets/token_$id" ] && demo_dashboard "$id" '/api/calls?limit=1' >/dev/null 2>&1 && continue
    operator token create --company "$id" --name "deploy/up" | secret_keep "token_$id"
    wait_until 10 demo_dashboard "$id" '/api/calls?limit=1'
  done
}

demo_simulator_define() {
  {
    echo "HOOKLINE_RETELL_API_KEY=$(retell_api_key)"
    env | grep -E '^(ASAN|UBSAN|LSAN)_OPTIONS=' || true
  } >"$RUN/.environment"
  supervise_define simulator "" "$(program_file ctl)" simulate --url "http://127.0.0.1:$(port_of ingest)" --rate 1 \
    --to "${DEMO_NUMBER[1]}" --to "${DEMO_NUMBER[2]}" --agent "${DEMO_AGENT[1]}" --agent "${DEMO_AGENT[2]}" \
    --api-listen "127.0.0.1:$(port_of simulator)" <"$RUN/.environment"
  rm -f "$RUN/.environment"
}

demo_simulator_start() {
  supervise_start simulator "$(program_file ctl)"
}

demo_call_shows() {
  local calls
  calls=$(demo_dashboard 1 '/api/calls?limit=1') || return 1
  [[ $calls == *'"call_id"'* ]] || {
    echo "The API shows no call yet: $calls"
    tail -n 5 "$RUN/log/simulator/current"
    return 1
  }
}

demo_first_call() {
  wait_until 30 demo_call_shows
}
