"""The baseline of tests/bench/pipeline: Kafka Connect with Debezium's JDBC sink writes the same events as plain rows.

No inbox, no merge, no owners, no updates: one upsert a record into a table with one index. A standalone worker, batches of 500 as
ours (repeats within one dropped before, which the driver's rewriting of batches into one statement asks for), one task as one
session is one process. JSON without a schema in
each record (schema.content), which spares it most of the parsing. Measured while the second half of the records is written, when the
JVM has compiled what it will.
"""
from __future__ import annotations

import json
import os
import subprocess
import urllib.parse

FIELDS = (("event_id", "string"), ("company_id", "int64"), ("received_at", "int64"), ("call_id", "string"), ("event_type", "string"),
          ("payload", "string"))
TABLE = "bench_rows"


def properties_write(path, properties):
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return path


def topic_make(servers, topic):
    """One of its own for each run, and a connector of that name: a worker that was broken off leaves records to nobody."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": servers.brokers})
    for future in admin.create_topics([NewTopic(topic, 12, 1)]).values():
        future.result()


def worker_start(servers, topic):
    folder = servers.run / "connect"
    folder.mkdir(exist_ok=True)
    database = urllib.parse.urlparse(os.environ["BENCH_DATABASE_ADMIN"])
    schema = {"type": "struct", "fields": [{"field": field, "type": kind, "optional": field != "event_id"} for field, kind in FIELDS]}
    worker = properties_write(folder / "worker.properties", {
        "bootstrap.servers": servers.brokers, "listeners": "http://127.0.0.1:0", "offset.storage.file.filename": folder / "offsets",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true", "value.converter.schema.content": json.dumps(schema), "plugin.discovery": "only_scan",
    })
    sink = properties_write(folder / "sink.properties", {
        "name": topic, "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1", "topics": topic,
        "connection.url": f"jdbc:postgresql://127.0.0.1:{database.port}{database.path}?reWriteBatchedInserts=true",
        "connection.username": database.username, "connection.password": database.password, "insert.mode": "upsert",
        "primary.key.mode": "record_value", "primary.key.fields": "event_id", "schema.evolution": "basic", "collection.name.format": TABLE,
        "batch.size": "500", "use.reduction.buffer": "true", "consumer.override.auto.offset.reset": "earliest",
    })
    sink.chmod(0o600)
    with open(servers.run / "log/connect.log", "w", encoding="utf-8") as log:
        return subprocess.Popen(["java", "-Xmx1g", "-cp", os.environ["BENCH_CONNECT"] + "/*",
                                 "-Dlog4j2.configurationFile=" + os.environ["BENCH_LOG4J"], "org.apache.kafka.connect.cli.ConnectStandalone",
                                 worker, sink], stdout=log, stderr=log)


class Worker:
    name = "connect"

    def __init__(self, process):
        self.process, self.pid = process, process.pid


def run_connect(servers, size, records, watch, memory_mb):
    servers.runs += 1
    topic = f"bench-rows-{servers.runs}"
    topic_make(servers, topic)
    servers.sql(f"DROP TABLE IF EXISTS {TABLE}")
    servers.sql("CHECKPOINT")
    loaded = servers.load(topic, "rows", records, size, servers.first())
    worker = Worker(worker_start(servers, topic))

    def done():
        if worker.process.poll() is not None:
            raise SystemExit(f"Kafka Connect ended:\n{(servers.run / 'log/connect.log').read_text()[-3000:]}")
        if not servers.sql(f"SELECT to_regclass('{TABLE}')")[0][0]:
            return 0
        return servers.sql(f"SELECT count(*) FROM {TABLE}")[0][0] * loaded["records"] / loaded["events"]

    try:
        measured = watch(servers, [worker], done, records // 2, records - 1)
        measured["rss"] = {"connect": memory_mb(worker.pid, "VmHWM")}
    finally:
        worker.process.terminate()
        worker.process.wait(60)
    return measured | {"bytes": loaded["bytes"] / loaded["records"]}
