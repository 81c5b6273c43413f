// The page over time and under odd input: what a caller says is text and nothing else, a fact in an odd form costs no other
// fact its place, a connection that died in silence is noticed, and a page that stays open does not grow.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { openBrowser, openDashboard } from './support/browser.mjs';
import { openStack } from './support/stack.mjs';
import { callAnalyzed, callStarted, newCall, newCallId, newCallerNumber, send } from './support/webhooks.mjs';

const MARKUP = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"'>`;

let stack, browser;

before(async () => {
  stack = await openStack();
  browser = await openBrowser();
});

after(() => browser?.close());

/** Sends the call analysed with these fields instead; the page with its detail open, and what went wrong in it. */
async function openDetail(t, call, fields) {
  const page = await openDashboard(browser, stack, 1);
  t.after(() => page.context().close());
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const analyzed = callAnalyzed(call);
  Object.assign(analyzed.call, fields);
  assert.equal((await send(stack, analyzed)).status, 200);
  await page.locator('#finished [data-call-id]').filter({ hasText: call.from_number }).getByRole('button').click();
  await page.locator('#detail h3').first().waitFor();
  return { page, errors };
}

test('markup in every field of a call is text on the page', async (t) => {
  const call = newCall(stack.env.DEMO_NUMBER, { call_id: newCallId() + MARKUP, agent_id: MARKUP, from_number: newCallerNumber() + MARKUP });
  const { page, errors } = await openDetail(t, call, {
    transcript: `Agent: ${MARKUP}\nUser: ${MARKUP}\n${MARKUP}`,
    disconnection_reason: MARKUP,
    recording_url: 'javascript:window.hacked=1',
    call_analysis: { call_summary: MARKUP, user_sentiment: MARKUP, custom_analysis_data: { [MARKUP]: MARKUP, list: [MARKUP] } },
    metadata: { [MARKUP]: MARKUP },
    call_cost: { combined_cost: 7, product_costs: [{ product: MARKUP, cost: 7 }] },
  });
  const text = await page.locator('#detail').innerText();
  assert.ok(text.split(MARKUP).length > 10, 'each of them stands there as it was said');
  assert.equal(await page.locator('[onerror], main script').count(), 0);
  assert.equal(await page.locator('a[href^="javascript:"]').count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(errors, []);
});

test('a fact in an odd form is left out, and the rest of the call is shown', async (t) => {
  for (const fields of [
    { call_cost: { combined_cost: 7, product_costs: 'many' } },
    { call_cost: { combined_cost: 7, product_costs: [null, { product: null, cost: '7' }, 7] } },
    { latency: { e2e: 7, asr: { p50: {} }, llm: { p50: 'fast' }, tts: [1] } },
    { metadata: [1, { a: null }], call_analysis: { call_summary: 7, user_sentiment: {}, custom_analysis_data: 'text' } },
  ]) {
    const call = newCall(stack.env.DEMO_NUMBER);
    const { page, errors } = await openDetail(t, call, fields);
    assert.match(await page.locator('#detail').innerText(), new RegExp(call.call_id), JSON.stringify(fields));
    assert.deepEqual(errors, [], JSON.stringify(fields));
  }
});

test('a connection that says nothing for a minute is made anew, though it looks open', async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${stack.env.DASHBOARD_URL}/?token=${encodeURIComponent(stack.token(1))}`);
  await page.locator('#connection[data-state=connected]').waitFor();
  const again = page.waitForRequest((request) => request.url().endsWith('/api/calls/stream'));
  await page.clock.runFor('01:00'); // its timers run, and no heartbeat comes: the server's clock did not move
  await again;
  await page.locator('#connection[data-state=connected]').waitFor();
  await page.locator('#stale').waitFor({ state: 'hidden' });
  const call = newCall(stack.env.DEMO_NUMBER);
  await send(stack, callStarted(call));
  await page.locator(`#live [data-call-id="${call.call_id}"]`).waitFor();
});

test('a page that is open for weeks keeps a bounded number of calls, and knows where older ones begin', async () => {
  const source = await readFile(new URL('../../broadcaster/page/calls.js', import.meta.url), 'utf8');
  const { Calls } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const calls = new Calls();
  const ended = (n) => ({ call_id: `call_${n}`, version: 2, status: 'ended', started_at: new Date(n * 1000).toISOString() });
  calls.addNewest([], null);
  let before = null;
  for (let n = 1; n <= 50000; n++) {
    calls.update({ call_id: `call_${n}`, version: 2, call: ended(n) });
    if (n % 50 === 0) before = calls.trim(1000) ?? before;
  }
  assert.ok(calls.finished.size <= 1100 && calls.versions.size <= 4100, `${calls.finished.size} calls, ${calls.versions.size} versions`);
  assert.equal(calls.newestFinished()[0].call_id, 'call_50000');
  const oldest = calls.newestFinished().at(-1);
  assert.ok(Number(before.split(':')[0]) >= Date.parse(oldest.started_at) * 1000, 'the next page leaves no gap');
  calls.update({ call_id: 'call_1', version: 3, call: { ...ended(1), version: 3 } });
  assert.equal(calls.get('call_1'), undefined, 'an old call that changes does not appear below the gap');
});
