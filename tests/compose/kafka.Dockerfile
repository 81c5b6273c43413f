# Stand-in for apache/kafka: KAFKA_X_Y in the environment is x.y in server.properties, written below /opt/kafka/config.
FROM debian:trixie-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends openjdk-21-jre-headless \
 && rm -rf /var/lib/apt/lists/* && useradd -u 1000 appuser && install -d -o appuser /var/lib/kafka/data /opt/kafka/config /opt/kafka/logs
COPY jars /opt/kafka/libs
COPY kafka-start /usr/bin/kafka-start
USER appuser
CMD ["/usr/bin/kafka-start"]
