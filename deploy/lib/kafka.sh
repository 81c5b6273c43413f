# shellcheck shell=bash
# kafka.sh: one Apache Kafka node without containers: its jars by Maven, its data in $RUN/kafka.
#
# The jars and an archive of loaded classes (it halves the time to start) lie in build/kafka, kept between runs and shared
# with the tests. The first clean stop writes the archive.

KAFKA_HOME=$ROOT/build/kafka
KAFKA_JVM_OPTIONS=${KAFKA_JVM_OPTIONS:--Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}

kafka_resolve() {
  local lock wanted
  wanted=$(sha256sum <"$ROOT/deploy/kafka/pom.xml")
  mkdir -p "$KAFKA_HOME"
  exec {lock}>"$KAFKA_HOME/lock"
  flock "$lock"
  if [ "$(cat "$KAFKA_HOME/pom.sha256" 2>/dev/null)" = "$wanted" ]; then
    echo "note: kept from before"
    return
  fi
  rm -rf "$KAFKA_HOME/jars" "$KAFKA_HOME/jars.new" "$KAFKA_HOME"/*.jsa
  cp "$ROOT/deploy/kafka/pom.xml" "$KAFKA_HOME/pom.xml"
  mvn -q -B -U -f "$KAFKA_HOME/pom.xml" dependency:copy-dependencies -DoutputDirectory="$KAFKA_HOME/jars.new"
  mv "$KAFKA_HOME/jars.new" "$KAFKA_HOME/jars"
  echo "$wanted" >"$KAFKA_HOME/pom.sha256"
  printf "\nnote: %d jars\n" "$(find "$KAFKA_HOME/jars" -name '*.jar' | wc -l)"
}

kafka_configure() {
  local text
  mkdir -p "$RUN/kafka"
  text=$(sed '/^#/d' "$ROOT/deploy/kafka/server.properties")
  text=${text//@PORT@/"$(port_of kafka)"}
  text=${text//@CONTROLLER_PORT@/"$(port_of kafka-controller)"}
  printf '%s\n' "${text//@DIRECTORY@/"$RUN/kafka/data"}" >"$RUN/kafka/server.properties" # quoted: a path may have an &
}

# 22 characters, as Kafka writes a random 128-bit id; it does not want a leading dash.
kafka_random_id() {
  local id
  while :; do
    id=$(head -c 16 /dev/urandom | basenc --base64url | tr -d '=')
    [ "${id:0:1}" = - ] || break
  done
  echo "$id"
}

kafka_format() {
  [ ! -e "$RUN/kafka/data/meta.properties" ] || return 0
  rm -rf "$RUN/kafka/data"
  java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$KAFKA_HOME/jars/*" -Dlog4j2.configurationFile="$ROOT/deploy/kafka/log4j2.properties" \
    kafka.tools.StorageTool format -t "$(kafka_random_id)" -c "$RUN/kafka/server.properties"
}

kafka_define() {
  local archive jvm
  kafka_configure
  archive=$KAFKA_HOME/classes-$(java -version 2>&1 | cat - "$ROOT/deploy/kafka/pom.xml" | sha256sum | cut -c 1-12).jsa
  read -ra jvm <<<"$KAFKA_JVM_OPTIONS"
  # shellcheck disable=SC2016 # the run script's own variables
  supervise_define kafka "archive=$(printf %q "$archive")"'
if [ -e "$archive" ]; then archive=-XX:SharedArchiveFile=$archive; else archive=-XX:ArchiveClassesAtExit=$RUN/kafka/classes.jsa; fi
printf "\"%s\"\n" "$archive" >"$RUN/kafka/archive.options"' \
    "$(command -v java)" "@$RUN/kafka/archive.options" -Xlog:disable -Xlog:all=error:stderr "${jvm[@]}" -cp "$KAFKA_HOME/jars/*" \
    -Dlog4j2.configurationFile="$ROOT/deploy/kafka/log4j2.properties" kafka.Kafka "$RUN/kafka/server.properties" \
    <<<"SERVER_PROPERTIES_SHA256=$(sha256sum <"$RUN/kafka/server.properties" | cut -d ' ' -f 1)"
  # Exit 143 is a JVM's orderly end after SIGTERM: what it wrote is whole.
  supervise_hook kafka finish <<FINISH
#!/bin/bash
new=$(printf %q "$RUN/kafka/classes.jsa")
if [ -s "\$new" ] && [ "\$1" = 143 ]; then mv "\$new" $(printf %q "$archive"); else rm -f "\$new"; fi
FINISH
}

kafka_start() {
  kafka_format
  supervise_start kafka
}
