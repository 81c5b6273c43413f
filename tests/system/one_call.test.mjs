// One call, all the way: webhooks signed by Retell's own SDK become a row in PostgreSQL, events on the stream, and a line
// on a real screen that moves by itself; and nobody else sees it.

import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';

import { openBrowser, openDashboard, wasNotReloaded } from './support/browser.mjs';
import { callRow, openDatabase } from './support/database.mjs';
import { openStack } from './support/stack.mjs';
import { openStream } from './support/stream.mjs';
import { waitFor } from './support/wait.mjs';
import { callAnalyzed, callEnded, callStarted, newCall, post, send, sign, verify } from './support/webhooks.mjs';

let stack, database, browser;

before(async () => {
  stack = await openStack();
  database = await openDatabase(stack);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await database?.end();
});

test('a signed webhook is kept, and the answer names it', async () => {
  const call = newCall(stack.env.DEMO_NUMBER);
  const { status, body, headers, text } = await send(stack, callStarted(call));
  assert.equal(status, 200);
  assert.match(body.event_id, /^[0-9a-f]{32}$/);
  assert.match(body.correlation_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(headers.get('x-event-id'), body.event_id);
  assert.equal(headers.get('x-correlation-id'), body.correlation_id);

  const again = await post(stack, text, await sign(text, stack.env.RETELL_API_KEY));
  assert.equal(again.body.event_id, body.event_id, 'the same webhook sent twice has the same id');
});

test('what is stored is what was signed, byte for byte', async () => {
  // No JSON writer would give these bytes back: spaces, a tab, an escape that needs none, a number of 21 digits, umlauts.
  const call = newCall(stack.env.DEMO_NUMBER);
  const text = `{ "event" : "call_started",\t"call":{"call_id":"${call.call_id}", "to_number":"${call.to_number}",` +
    ` "metadata":{"gr\\u00f6\\u00DFe":"größer 😀","n":100000000000000000001,"n":1.50} } }\n`;
  const { status, body } = await send(stack, text);
  assert.equal(status, 200);
  const stored = await waitFor('the webhook is in the inbox', async () => {
    const { rows } = await database.query(
      "SELECT encode(sha256(payload), 'hex') AS digest FROM webhook_events WHERE event_id = decode($1, 'hex')", [body.event_id]);
    return rows[0];
  });
  assert.equal(stored.digest, createHash('sha256').update(text).digest('hex'));
});

test('a call begins, ends and is analysed: in PostgreSQL, on the stream, in the API', async (t) => {
  const call = newCall(stack.env.DEMO_NUMBER);
  const stream = await openStream(stack, 1);
  t.after(() => stream.close());

  await send(stack, callStarted(call));
  await stream.waitForCall(call.call_id, ({ status }) => status === 'ongoing');
  const live = await callRow(database, 1, call.call_id);
  assert.equal(live.status, 'ongoing');
  assert.equal(live.from_number, call.from_number);
  assert.equal(live.to_number, stack.env.DEMO_NUMBER);
  const list = await stack.api(1, '/api/calls?state=live&limit=100');
  assert.ok(list.body.calls.some(({ call_id }) => call_id === call.call_id), 'it is among the live calls');

  await send(stack, callEnded(call));
  await stream.waitForCall(call.call_id, ({ status }) => status === 'ended');
  await send(stack, callAnalyzed(call));
  const last = await stream.waitForCall(call.call_id, ({ analyzed }) => analyzed === true);

  const row = await callRow(database, 1, call.call_id);
  assert.equal(row.status, 'ended');
  assert.equal(row.duration_ms, 21522);
  assert.equal(Number(row.cost_cents), 15.215, 'combined_cost is cents');
  assert.equal(row.summary, 'Der Anrufer prüfte die Verbindung.');
  assert.equal(row.version, last.version, 'the newest update carries the version in PostgreSQL');
  const versions = stream.updates(call.call_id).map(({ version }) => version);
  assert.deepEqual(versions, [...new Set(versions)].sort((a, b) => a - b), 'versions rise');

  const detail = await stack.api(1, `/api/calls/${call.call_id}`);
  assert.equal(detail.status, 200);
  assert.equal(detail.body.call.transcript, 'Agent: Guten Tag.\nUser: Können Sie mich hören?\n');
  assert.deepEqual(detail.body.events.map(({ event_type: type }) => type).sort(), ['call_analyzed', 'call_ended', 'call_started']);
});

test('the page shows the call while it lives, and moves it to the finished ones, without a reload', async (t) => {
  const call = newCall(stack.env.DEMO_NUMBER);
  const page = await openDashboard(browser, stack, 1);
  t.after(() => page.context().close());

  await send(stack, callStarted(call));
  await page.live(call).waitFor();
  assert.equal(await page.finished(call).count(), 0);
  assert.match(await page.live(call).innerText(), /\d:\d\d/, 'a running clock');

  await send(stack, callEnded(call));
  await page.finished(call).waitFor();
  await page.live(call).waitFor({ state: 'detached' });
  assert.ok(await wasNotReloaded(page), 'the page that showed the start shows the end');
});

test('a call of company 2 is never seen by company 1', async (t) => {
  const theirs = newCall(stack.env.DEMO_NUMBER_2), ours = newCall(stack.env.DEMO_NUMBER);
  const [stream1, stream2] = [await openStream(stack, 1), await openStream(stack, 2)];
  const [page1, page2] = [await openDashboard(browser, stack, 1), await openDashboard(browser, stack, 2)];
  t.after(async () => {
    stream1.close();
    stream2.close();
    await page1.context().close();
    await page2.context().close();
  });

  await send(stack, callStarted(theirs));
  await stream2.waitForCall(theirs.call_id);
  await page2.live(theirs).waitFor();
  await send(stack, callEnded(theirs));
  await stream2.waitForCall(theirs.call_id, ({ status }) => status === 'ended');
  await page2.finished(theirs).waitFor();
  // Ours comes after theirs on the way that both take: once it is seen, theirs would have been.
  await send(stack, callStarted(ours));
  await stream1.waitForCall(ours.call_id);
  await page1.live(ours).waitFor();

  for (const secret of [theirs.call_id, theirs.from_number]) {
    assert.ok(!stream1.text.includes(secret), 'not on the stream');
    assert.ok(!(await page1.content()).includes(secret), 'not on the page');
    for (const state of ['live', 'ended'])
      assert.ok(!JSON.stringify((await stack.api(1, `/api/calls?state=${state}&limit=100`)).body).includes(secret), `not among ${state}`);
  }
  const foreign = await stack.api(1, `/api/calls/${theirs.call_id}`);
  const unknown = await stack.api(1, '/api/calls/call_that_never_was');
  assert.equal(foreign.status, 404);
  assert.deepEqual(foreign.body, unknown.body, 'foreign and unknown are told apart by nothing');
  assert.equal((await stack.api(2, `/api/calls/${theirs.call_id}`)).status, 200);
  assert.equal(await callRow(database, 1, theirs.call_id), null);
});

test('without a token, or with a wrong one, nobody sees anything', async () => {
  for (const headers of [{}, { authorization: 'Bearer not-a-token' }])
    for (const path of ['/api/calls', '/api/calls/stream', '/api/stats'])
      assert.equal((await fetch(stack.env.DASHBOARD_URL + path, { headers })).status, 401, path);
});

test('one flipped bit anywhere gets the verdict of the SDK: 401', async () => {
  const key = stack.env.RETELL_API_KEY;
  const body = Buffer.from(JSON.stringify({ event: 'call_started', call: { call_id: newCall('').call_id } }));
  const signature = await sign(body.toString(), key);
  const attempts = [];
  for (let bit = 0; bit < body.length * 8; bit++) {
    const flipped = Buffer.from(body);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    attempts.push({ bytes: flipped, signature, expected: 401, what: `bit ${bit} of the body` });
  }
  for (let bit = 0; bit < signature.length * 8; bit++) {
    const flipped = Buffer.from(signature);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    if (flipped[bit >> 3] <= 0x20 || flipped[bit >> 3] >= 0x7f) continue; // no byte of a header's value
    const header = flipped.toString('latin1');
    // A letter's case is one bit, and means nothing to the SDK.
    const expected = (await verify(body.toString(), key, header)) ? 200 : 401;
    attempts.push({ bytes: body, signature: header, expected, what: `bit ${bit} of the signature` });
  }
  assert.ok(attempts.filter(({ expected }) => expected === 401).length > body.length * 8 + 256, 'more than the body and the digest');
  await inParallel(16, attempts, async ({ bytes, signature: header, expected, what }) => {
    assert.equal((await post(stack, bytes, header)).status, expected, what);
  });
});

test('a time over 300 s off is 401, less is not, in both directions', async () => {
  const text = JSON.stringify(callStarted(newCall(stack.env.DEMO_NUMBER)));
  // The request takes time, too: 20 s of it change no verdict (tests/unit asks at the very limit).
  for (const [seconds, expected] of [[-301, 401], [321, 401], [-279, 200], [299, 200]]) {
    const signature = await sign(text, stack.env.RETELL_API_KEY, Date.now() + seconds * 1000);
    assert.equal((await post(stack, text, signature)).status, expected, `${seconds} s`);
  }
});

test('no signature, another key, no JSON, no event: each its answer, none a row', async () => {
  const key = stack.env.RETELL_API_KEY;
  const call = newCall(stack.env.DEMO_NUMBER);
  const text = JSON.stringify(callStarted(call));
  assert.equal((await post(stack, text)).status, 401);
  assert.equal((await post(stack, text, await sign(text, 'key_of_somebody_else'))).status, 401);
  for (const odd of ['not json', '[]', '{"call":{}}', '{"event":7}', `{"event":"call_started","call":{"call_id":"${call.call_id}"}`])
    assert.equal((await post(stack, odd, await sign(odd, key))).status, 400, odd);
  assert.equal(await callRow(database, 1, call.call_id), null);
});

test('a call to a number that nobody has is parked, and appears when somebody gets the number', async (t) => {
  const call = newCall(`+4930231257${randomInt(100, 999)}`);
  const stream = await openStream(stack, 1);
  t.after(() => stream.close());

  const { body } = await send(stack, callStarted(call));
  const parked = await waitFor('it is parked', async () => {
    const { rows } = await database.query("SELECT reason, number FROM parked_events WHERE event_id = decode($1, 'hex')", [body.event_id]);
    return rows[0];
  });
  assert.deepEqual(parked, { reason: 'unresolved', number: call.to_number });
  assert.equal((await stack.api(1, `/api/calls/${call.call_id}`)).status, 404);
  assert.equal((await stack.api(2, `/api/calls/${call.call_id}`)).status, 404);

  await stack.hookline('number', 'add', call.to_number, '--company', '1');
  await stream.waitForCall(call.call_id, ({ status }) => status === 'ongoing', 120);
  assert.equal((await callRow(database, 1, call.call_id)).status, 'ongoing');
});

test('the order of arrival and repeats make no difference', async (t) => {
  const call = newCall(stack.env.DEMO_NUMBER);
  const stream = await openStream(stack, 1);
  t.after(() => stream.close());
  for (const webhook of [callAnalyzed(call), callEnded(call), callAnalyzed(call), callStarted(call), callEnded(call)])
    assert.equal((await send(stack, webhook)).status, 200);
  const { rows } = await waitFor('all three are in the inbox', async () => {
    const result = await database.query('SELECT event_type FROM webhook_events WHERE call_id = $1 ORDER BY 1', [call.call_id]);
    return result.rows.length >= 3 && result;
  });
  assert.deepEqual(rows.map(({ event_type: type }) => type), ['call_analyzed', 'call_ended', 'call_started']);
  const row = await callRow(database, 1, call.call_id);
  assert.equal(row.status, 'ended', 'a late call_started reopens nothing');
  assert.equal(row.analyzed, true);
});

/** Runs `work` on every item, at most `width` at a time. */
async function inParallel(width, items, work) {
  const queue = items.values();
  await Promise.all(Array.from({ length: width }, async () => {
    for (const item of queue) await work(item);
  }));
}
