// The baseline in Node: fastify and kafkajs; verifies the signature and answers when the brokers have the record.
import { createHmac, timingSafeEqual } from "node:crypto";
import Fastify from "fastify";
import { Kafka, logLevel, Partitioners } from "kafkajs";

const { RECEIVER_KEY: key, RECEIVER_KAFKA: broker, RECEIVER_TOPIC: topic, RECEIVER_LISTEN: listen } = process.env;
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
await producer.connect();

function valid(body, header) {
  const match = /^v=(\d+),d=([0-9a-f]{64})$/.exec(header ?? "");
  if (!match) return false;
  return timingSafeEqual(Buffer.from(match[2], "hex"), createHmac("sha256", key).update(body).update(match[1]).digest());
}

const server = Fastify({ bodyLimit: 10 << 20 });
server.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
server.post("/api/retell/webhook", async (request, reply) => {
  if (!valid(request.body, request.headers["x-retell-signature"])) return reply.code(401).send({ error: "unauthorized" });
  const webhook = JSON.parse(request.body);
  const message = { key: webhook.call?.call_id, value: request.body, headers: { ce_type: `ai.retell.${webhook.event}` } };
  await producer.send({ topic, acks: -1, messages: [message] });
  return { ok: true };
});
const [host, port] = listen.split(":");
await server.listen({ host, port: Number(port) });
