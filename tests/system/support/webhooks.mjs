// webhooks.mjs: webhooks as Retell sends them, signed by Retell's own SDK from npm.

import { randomBytes, webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';

globalThis.crypto ??= webcrypto; // Node 18 has it only as a module, and the SDK asks for the global
const { symmetric } = createRequire(import.meta.url)('retell-sdk/lib/webhook_auth');

/** The value of X-Retell-Signature. */
export function sign(body, key, timestamp = Date.now()) {
  return symmetric.sign(body, key, timestamp);
}

/** The SDK's own verdict. */
export function verify(body, key, signature) {
  return symmetric.verify(body, key, signature);
}

/** POSTs bytes as they are: { status, body, headers }. */
export async function post(stack, bytes, signature, path = '/api/retell/webhook') {
  const answer = await fetch(stack.env.INGEST_URL + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(signature ? { 'x-retell-signature': signature } : {}) },
    body: bytes,
  });
  return { status: answer.status, body: await answer.json(), headers: answer.headers };
}

/** Signs a webhook (an object, or its text) and sends it; the answer, and the text that was sent. */
export async function send(stack, webhook) {
  const text = typeof webhook === 'string' ? webhook : JSON.stringify(webhook);
  return { ...(await post(stack, text, await sign(text, stack.env.RETELL_API_KEY))), text };
}

export function newCallId() {
  return `call_${randomBytes(12).toString('hex')}`;
}

/** A caller's number that nobody else in this run has (Berlin 030 23125 xxx belongs to film and radio, the rest is made up). */
export function newCallerNumber() {
  return `+4930${String(randomBytes(4).readUInt32BE() % 100000000).padStart(8, '0')}`;
}

/** What the three webhooks of an inbound call say of it. */
export function newCall(toNumber, fields = {}) {
  return {
    call_id: newCallId(),
    call_type: 'phone_call',
    direction: 'inbound',
    agent_id: 'agent_of_the_system_test',
    from_number: newCallerNumber(),
    to_number: toNumber,
    start_timestamp: Date.now(),
    ...fields,
  };
}

export function callStarted(call) {
  return { event: 'call_started', call: { ...call, call_status: 'ongoing' } };
}

const LASTED_MS = 21522;

export function callEnded(call) {
  return {
    event: 'call_ended',
    call: {
      ...call,
      call_status: 'ended',
      end_timestamp: call.start_timestamp + LASTED_MS,
      duration_ms: LASTED_MS,
      disconnection_reason: 'user_hangup',
      transcript: 'Agent: Guten Tag.\nUser: Können Sie mich hören?\n',
      recording_url: 'https://recordings.example/1.wav',
      call_cost: { combined_cost: 15.215, total_duration_seconds: 22, product_costs: [] },
      latency: { e2e: { p50: 800, p90: 1200, p95: 1400, p99: 1500, max: 1500, min: 600, num: 9 } },
    },
  };
}

export function callAnalyzed(call) {
  const { call: ended } = callEnded(call);
  return {
    event: 'call_analyzed',
    call: {
      ...ended,
      call_analysis: {
        call_summary: 'Der Anrufer prüfte die Verbindung.',
        user_sentiment: 'Positive',
        call_successful: true,
        in_voicemail: false,
      },
    },
  };
}
