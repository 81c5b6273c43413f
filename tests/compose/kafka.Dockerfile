# Stand-in for apache/kafka: its user, its directories with their owners, its volumes, its way from KAFKA_X_Y to x.y. Bash and
# Java come from Debian instead of Alpine.
FROM debian:trixie-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends openjdk-21-jre-headless \
 && rm -rf /var/lib/apt/lists/* && useradd -m -u 1000 appuser \
 && install -d -o appuser -g appuser /opt/kafka/config /opt/kafka/logs /mnt/shared/config \
 && install -d -o appuser -g root -m 0775 /var/lib/kafka/data /etc/kafka/secrets /etc/kafka/docker \
 && printf 'log.dirs=/tmp/kraft-combined-logs\n' >/etc/kafka/docker/server.properties \
 && printf '%s\n' 'Configuration:' '  Appenders:' '    Console:' '      name: STDOUT' '  Loggers:' '    Root:' '      level: INFO' \
      '      AppenderRef:' '        - ref: STDOUT' | tee /etc/kafka/docker/log4j2.yaml >/etc/kafka/docker/tools-log4j2.yaml
COPY jars /opt/kafka/libs
COPY kafka-start /usr/bin/kafka-start
USER appuser
VOLUME ["/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"]
CMD ["/usr/bin/kafka-start"]
