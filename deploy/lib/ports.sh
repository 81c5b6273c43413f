# shellcheck shell=bash
# ports.sh: one TCP port on loopback for each part, the same one at every start as long as nobody else has it.
#
# $RUN/ports keeps them, NAME=PORT. The documented ports go to the one stack of this machine that holds the claim to them, a
# lock that lives as long as its supervisor; they must be free, too. Any other gets random ones below the kernel's ephemeral
# range: a client that tries to reconnect to a port inside that range may be given that very port as its own, and then sits
# on it.

PORTS_CLAIM=/tmp/hookline-documented-ports
PORTS_DOCUMENTED="ingest=8080 broadcaster=8090 ingest-management=9101 resolver-management=9102 session-management=9103
  sync-management=9104 broadcaster-management=9105 simulator=9110 kafka=9092 kafka-controller=9093 postgres=5433"

# Every local TCP port in use, one a line (state 06 is TIME_WAIT, which does not stand in the way).
ports_taken() {
  awk 'FNR > 1 && $4 != "06" { split($2, address, ":"); print address[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u |
    while read -r hex; do
      echo $((16#$hex))
    done
}

port_of() { # $1: part
  sed -n "s/^$1=//p" "$RUN/ports"
}

ports_random() { # $1: taken ports, one a line; prints one that is not
  local low=10240 high port
  read -r high _ </proc/sys/net/ipv4/ip_local_port_range
  ((high > low + 1000)) || high=32768
  while :; do
    port=$((low + (RANDOM << 15 | RANDOM) % (high - low)))
    grep -qx "$port" <<<"$1" || break
  done
  echo "$port"
}

# True for the stack that may have the documented ports. Descriptor 7 is inherited by the supervisor.
ports_claim() {
  (set -o noclobber && : >"$PORTS_CLAIM") 2>/dev/null || true
  [ -r "$PORTS_CLAIM" ] && exec 7<"$PORTS_CLAIM" && flock -n 7
}

# Chooses a port for each part; one whose part is running is kept. $1: "documented" if this stack may ask for those. Says
# which part had to move: a proxy may point to where it was.
ports_choose() {
  local taken row name part documented port claimed=no kept='' moved=''
  taken=$(ports_taken)
  if [ "$1" = documented ] && { supervise_alive || ports_claim; }; then claimed=yes; fi
  for row in $PORTS_DOCUMENTED; do
    name=${row%=*} documented=${row#*=} port=
    part=${name%-management} part=${part%-controller}
    [ ! -e "$RUN/ports" ] || port=$(port_of "$name")
    if ! supervise_runs "$part"; then
      [ -n "$port" ] || port=$documented
      if [ "$port" = "$documented" ] && [ "$claimed" = no ]; then
        port=$(ports_random "$taken")
      elif grep -qx "$port" <<<"$taken"; then
        moved+=" $name $port"
        port=$(ports_random "$taken")
        moved+=" -> $port,"
      fi
    fi
    taken+=$'\n'$port
    kept+="$name=$port"$'\n'
  done
  printf '%s' "$kept" >"$RUN/ports.new"
  mv "$RUN/ports.new" "$RUN/ports"
  [ -z "$moved" ] || echo "note: somebody has the port of:${moved%,}"
}
