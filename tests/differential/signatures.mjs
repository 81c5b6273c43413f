// signatures.mjs: ingest's verdict on a signature is the vendor's own, case by case.
//
//     node tests/differential/signatures.mjs PROGRAM [--count N] [--seed N]
//
// Makes N cases (5,000) of body, header and time from a seed: signed by the vendor's code and then left, bent a little, or
// replaced by what only looks like a signature. PROGRAM (tests/differential/verdicts.c) says ingest's verdict; retell-sdk's,
// stripe's and, for Cal.com, node:crypto's are asked for the same cases. Prints how many of each were accepted. Exits 1
// with the cases when one verdict differs.
//
// Bodies are text: the vendors' code makes text of the bytes before it hashes them, and what is no UTF-8 would be another text.

import { spawnSync } from 'node:child_process';
import { createHmac, webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';

globalThis.crypto ??= webcrypto; // Node 18 has it only as a module, and the SDK asks for the global
const require = createRequire(new URL('../system/package.json', import.meta.url));
const { symmetric } = require('retell-sdk/lib/webhook_auth');
const Stripe = require('stripe');
const { signature: stripe } = new Stripe('sk_test_of_nobody').webhooks;

// Chance, the same for the same seed (mulberry32) --------------------------------------------------------------------

let state = 0;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (limit) => Math.floor(random() * limit);
const pick = (list) => list[below(list.length)];
const chance = (probability) => random() < probability;
const times = (count, make) => Array.from({ length: count }, make).join('');

// What is signed -----------------------------------------------------------------------------------------------------

const LETTERS = ['a', 'Z', '0', ' ', '"', '\\', '{', '}', '\n', '\t', 'ä', 'ß', '€', '😀', '\u0000', '\ufeff', 'e\u0301'];

function newBody() {
  const text = times(below(chance(0.1) ? 3000 : 60), () => pick(LETTERS));
  const body = pick([
    () => JSON.stringify({ event: 'call_started', call: { call_id: text } }),
    () => `{ "triggerEvent" : "BOOKING_CREATED",\n "x": ${JSON.stringify(text)} }`,
    () => text,
    () => '{}',
  ])();
  return body || '{}'; // stripe throws for an empty text, which no JSON body is
}

const newKey = () => times(8 + below(60), () => String.fromCharCode(33 + below(94)));
const hmac = (key, text) => createHmac('sha256', key).update(text).digest('hex');
const NOW = 1_762_862_400_000;

// Headers ------------------------------------------------------------------------------------------------------------

// Letters of a header are bytes: Node reads and we read Latin-1.
const ODD = ['', ' ', '\t', ',', '=', 'v', 'd', 't', '0', '9', 'a', 'F', '-', '+', '.', 'x', '\u00a0', '\u00e9', 'v1', 'v0', '\u00b5'];

function bend(header) {
  const at = below(header.length + 1);
  return pick([
    () => header.slice(0, at) + pick(ODD) + header.slice(at),
    () => header.slice(0, at) + header.slice(at + 1),
    () => header.slice(0, at) + pick(ODD) + header.slice(at + 1),
    () => header.slice(0, at),
    () => header.slice(at),
    () => header.toUpperCase(),
    () => header + header,
    () => `${header},${header}`,
    () => header.split(',').reverse().join(','),
    () => header.split(',').join(', '),
    () => `${header}\n`,
    () => header.slice(0, at) + header.slice(at, at + 1).toUpperCase() + header.slice(at + 1),
    () => header.replace(/[0-9a-f](?=[^0-9a-f]*$)/, (digit) => (digit === '0' ? '1' : '0')),
  ])();
}

const TIMES = ['', '0', '00', '-0', '-1', '-5', '+7', ' 12', '\u00a012', '12x', '0x10', '1e3', 'NaN', 'Infinity', '1.5', '9007199254740993',
  '123456789012345678901', '99999999999999999999999', '1'.repeat(25), '5'.repeat(310), '9007199254740991', '9007199254740992'];

const OFF_MS = [0, 0, 0, 1, -1, 299999, 300000, 300001, -299999, -300000, -300001, 300999, 301000, -301000, 86400000, -86400000, 999, -999];

const signedAt = (now) => now + (chance(0.5) ? pick(OFF_MS) : below(700000) - 350000);

const PROVIDERS = {
  retell: {
    header(body, key, now) {
      const time = chance(0.1) ? pick(TIMES) : String(signedAt(now));
      const zeros = chance(0.1) ? '0'.repeat(below(20)) : '';
      return `v=${zeros}${time},d=${hmac(key, body + (chance(0.9) ? String(Number(time)) : time))}`;
    },
    verdict: ({ body, key, header, now }) => symmetric.verify(body, key, header, { timestamp: now }),
  },
  stripe: {
    header(body, key, now) {
      const time = chance(0.2) ? pick(TIMES) : String(Math.floor(signedAt(now) / 1000));
      const right = hmac(key, `${chance(0.9) ? parseInt(time, 10) : time}.${body}`);
      const wrong = () => pick([() => 'v1=', () => 'v1', () => `v1=${'0'.repeat(64)}`, () => 'v1=abc', () => `v0=${right}`, () => 'v1=a=b',
        () => `v1=${'é'.repeat(64)}`, () => `v1=${right}=${right}`, () => `v1=${right.toUpperCase()}`, () => 't=1', () => '', () => 'x'])();
      const items = [`t=${time}`, `v1=${right}`];
      for (let more = chance(0.5) ? 0 : below(5); more > 0; more--) items.splice(below(items.length + 1), 0, wrong());
      if (chance(0.1)) items.splice(below(items.length), 1);
      return items.join(',');
    },
    verdict({ body, key, header, now }) {
      try {
        return stripe.verifyHeader(body, header, key, 300, undefined, now);
      } catch {
        return false;
      }
    },
  },
  calcom: {
    header: (body, key) => (chance(0.1) ? 'no-secret-provided' : hmac(key, body)),
    // As Cal.com's guide has receivers do it; "no-secret-provided" is no digest.
    verdict: ({ body, key, header }) => header === hmac(key, body),
  },
};

function newCase() {
  const provider = pick(Object.keys(PROVIDERS));
  const [body, key] = [newBody(), newKey()];
  const signedBody = chance(0.1) ? newBody() : body;
  const signedKey = chance(0.1) ? pick([newKey(), `${key}\n`, key.slice(1)]) : key;
  const now = NOW + below(1000);
  let header = PROVIDERS[provider].header(signedBody, signedKey, now);
  for (let bends = chance(0.5) ? 0 : 1 + below(2); bends > 0; bends--) header = bend(header);
  if (chance(0.02)) header = undefined;
  return { provider, body, key, header, now };
}

// The comparison -----------------------------------------------------------------------------------------------------

function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

const hex = (text, encoding) => Buffer.from(text, encoding).toString('hex');
const line = ({ provider, body, key, header, now }) =>
  `${provider} ${hex(key)} ${hex(body)} ${header === undefined ? '-' : hex(header, 'latin1')} ${now}`;

const program = process.argv[2];
const [count, seed] = [option('count', 5000), option('seed', 20261121)];
state = seed;
const cases = [];
for (let i = 0; i < count; i++) cases.push(newCase());
const ran = spawnSync(program, { input: cases.map(line).join('\n') + '\n', maxBuffer: 1 << 30 });
if (ran.status !== 0) throw new Error(`${program}: ${ran.error ?? ran.stderr}`);
const ours = ran.stdout.toString().trimEnd().split('\n');
if (ours.length !== count) throw new Error(`${ours.length} verdicts on ${count} cases`);

const seen = {};
let differing = 0;
for (const [i, one] of cases.entries()) {
  const theirs = (await PROVIDERS[one.provider].verdict(one)) === true;
  const tally = (seen[one.provider] ??= { cases: 0, accepted: 0 });
  tally.cases++;
  tally.accepted += theirs;
  if (theirs === (ours[i] === '1')) continue;
  if (++differing <= 10) console.log(`case ${i}: the vendor says ${theirs}, ingest ${ours[i]}: ${JSON.stringify(one)}`);
}
for (const [provider, { cases: made, accepted }] of Object.entries(seen))
  console.log(`${provider}: ${made} cases, ${accepted} accepted`);
console.log(`seed ${seed}: ${differing} of ${count} verdicts differ`);
process.exit(differing ? 1 : 0);
