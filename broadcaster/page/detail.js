// detail.js: one call, all of it: facts, summary, transcript, latency, cost by product, and when we learned what.

import { element } from './element.js';
import { age, clock, duration, exactly, milliseconds, money } from './format.js';
import { callerOf } from './lists.js';
import { wordOf, words } from './words.js';

const REFRESH_MS = 400, RETRY_MS = 3000;
const LATENCIES = ['e2e', 'asr', 'llm', 'llm_websocket_network_rtt', 'tts', 'knowledge_base', 's2s'];
const PERCENTILES = ['p50', 'p90', 'p95', 'p99'];

export class Detail {
  #id = null;
  #shown = '';
  #timer = 0;
  #openedFrom = null;

  constructor(node, changed) {
    this.node = node;
    this.changed = changed; // (call id or null)
    addEventListener('keydown', (event) => event.key === 'Escape' && this.#id && this.close());
  }

  get id() {
    return this.#id;
  }

  open(id) {
    if (id === this.#id) return;
    this.#openedFrom ??= document.activeElement;
    this.#id = id;
    this.#shown = '';
    this.node.hidden = false;
    this.node.replaceChildren(this.#head(words.loading), element('p', { class: 'empty' }, words.loading));
    document.body.classList.add('with-detail');
    this.changed(id);
    this.#load(true);
  }

  close() {
    const row = document.querySelector(`[data-call-id="${CSS.escape(this.#id)}"] button`);
    this.#id = null;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.node.hidden = true;
    this.node.replaceChildren();
    document.body.classList.remove('with-detail');
    this.changed(null);
    (this.#openedFrom?.isConnected ? this.#openedFrom : row)?.focus(); // a call that has ended is in another list now
    this.#openedFrom = null;
  }

  /** The call has changed: what is shown is asked for again, once for a burst of changes. */
  refresh(id, delay = REFRESH_MS) {
    if (id !== this.#id || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#load(false);
    }, delay);
  }

  async #load(focus) {
    const id = this.#id;
    const answer = await fetch(`/api/calls/${encodeURIComponent(id)}`).catch(() => null);
    const text = answer?.ok ? await answer.text() : null;
    if (id !== this.#id || (text !== null && text === this.#shown)) return;
    if (text === null && answer?.status !== 404) {
      this.refresh(id, RETRY_MS);
      return;
    }
    const scrolled = this.node.scrollTop;
    this.#shown = text ?? '';
    if (text === null) this.node.replaceChildren(this.#head(id), element('p', { class: 'empty' }, words.notFound));
    else this.#show(JSON.parse(text));
    this.node.scrollTop = focus ? 0 : scrolled;
    if (focus) this.node.focus({ preventScroll: true });
  }

  #head(title, ...more) {
    const close = element('button', { type: 'button', class: 'quiet close', 'aria-label': words.close, title: `${words.close} (Esc)` }, '✕');
    close.addEventListener('click', () => this.close());
    return element('header', {}, element('h2', { id: 'detail-title' }, title), close, ...more);
  }

  #show({ call, events }) {
    const badge = element('p', { class: 'badge', 'data-status': call.status }, wordOf('statuses', call.status));
    const route = element('p', { class: 'called' }, call.to_number ? `→ ${call.to_number}` : '');
    const parts = [this.#head(callerOf(call), route, badge), facts(call), summary(call), transcript(call), latency(call.latency),
      breakdown(call), timeline(events), object(words.analysis, call.custom_analysis), object(words.metadata, call.metadata)];
    this.node.replaceChildren(...parts.filter(Boolean));
  }
}

function part(title, ...children) {
  return element('section', {}, element('h3', {}, title), ...children);
}

function pairs(entries) {
  const shown = entries.filter(([, value]) => value != null && value !== '');
  return element('dl', {}, shown.map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

function facts(call) {
  const yesNo = (value) => (value == null ? '' : value ? words.yes : words.no);
  const live = !call.ended_at && (call.status === 'ongoing' || call.status === 'registered');
  return part(words.facts, pairs([
    [words.start, exactly(call.started_at)], [words.ended, exactly(call.ended_at)],
    [words.duration, live ? '' : duration(call.duration_ms)], [words.reason, wordOf('reasons', call.disconnection_reason)],
    [words.cost, money(call.cost_cents)], [words.sentiment, wordOf('sentiments', call.sentiment)],
    [words.successful, yesNo(call.successful)], [words.voicemail, yesNo(call.in_voicemail)],
    [words.type, [wordOf('directions', call.direction), wordOf('types', call.call_type)].filter(Boolean).join(' · ')],
    [words.agent, call.agent_id], [words.source, call.source], [words.callId, element('code', {}, call.call_id)],
    [words.missing, call.missing.map((name) => wordOf('lacks', name)).join(', ')],
  ]), recording(call.recording_url));
}

/** Only addresses of the web: anything else in its place is text, and not worth showing. */
function recording(url) {
  if (!/^https?:\/\//i.test(url ?? '')) return null;
  return element('p', {}, element('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, words.recording));
}

function summary(call) {
  return call.summary ? part(words.summary, element('p', {}, call.summary)) : null;
}

/** "Agent: …" and "User: …", one a line; a line without a speaker goes on with the one before. */
function transcript(call) {
  if (!call.transcript) return part(words.transcript, element('p', { class: 'empty' }, words.noTranscript));
  const turns = [];
  for (const line of call.transcript.split('\n')) {
    const [, role, text] = /^(Agent|User|Transfer Target): ?(.*)$/i.exec(line) ?? [];
    if (role) turns.push({ role, text });
    else if (line.trim() && turns.length) turns.at(-1).text += `\n${line}`;
    else if (line.trim()) turns.push({ role: '', text: line });
  }
  return part(words.transcript, element('ol', { class: 'transcript' }, turns.map(({ role, text }) =>
    element('li', { class: role.toLowerCase() === 'user' ? 'caller' : 'agent' },
      role && element('span', {}, wordOf('roles', role)), element('p', {}, text)))));
}

function latency(latencies) {
  const rows = LATENCIES.filter((name) => typeof latencies?.[name]?.p50 === 'number').map((name) => ({ name, values: latencies[name] }));
  if (!rows.length) return null;
  const head = element('tr', {}, element('th', {}), PERCENTILES.map((name) => element('th', { scope: 'col' }, name)));
  const body = rows.map(({ name, values }) => element('tr', {}, element('th', { scope: 'row' }, name.replaceAll('_', ' ')),
    PERCENTILES.map((each) => element('td', {}, typeof values[each] === 'number' ? milliseconds(values[each]) : ''))));
  return part(words.latency, element('div', { class: 'scroll' }, element('table', {}, element('thead', {}, head), element('tbody', {}, body))));
}

/** The platform's own JSON, kept as it came: anything may stand in it. */
function breakdown(call) {
  const costs = call.cost_breakdown?.product_costs ?? call.cost_breakdown;
  const products = (Array.isArray(costs) ? costs : []).filter((each) => typeof each?.cost === 'number').sort((a, b) => b.cost - a.cost);
  if (!products.length) return null;
  const most = Math.max(...products.map(({ cost }) => cost));
  const rows = products.map(({ product, cost }) => element('li', {}, element('span', {}, String(product ?? '').replaceAll('_', ' ')),
    element('meter', { min: 0, max: most || 1, value: cost, 'aria-hidden': 'true' }), element('b', {}, money(cost))));
  const total = element('li', { class: 'total' }, element('span', {}, words.total), element('b', {}, money(call.cost_cents)));
  return part(words.breakdown, element('ul', { class: 'costs' }, rows, total));
}

/** When each event reached us, and how long after the first. */
function timeline(events) {
  const first = Date.parse(events[0]?.received_at ?? events[0]?.processed_at);
  const rows = events.map((event) => {
    const at = event.received_at ?? event.processed_at;
    const later = Date.parse(at) - first;
    const how = [clock(at), later > 0 && `+${later < 1000 ? milliseconds(later) : age(later)}`, event.source, event.resolved_by && `${words.resolvedBy} ${wordOf('reasons', event.resolved_by)}`];
    return element('li', { title: `${event.event_id} · ${event.correlation_id ?? ''}` },
      element('b', {}, wordOf('events', event.event_type)), element('span', {}, how.filter(Boolean).join(' · ')));
  });
  return rows.length ? part(words.timeline, element('ol', { class: 'timeline' }, rows)) : null;
}

function object(title, value) {
  const entries = Object.entries(value ?? {});
  if (!entries.length) return null;
  return part(title, pairs(entries.map(([name, each]) =>
    [name, each !== null && typeof each === 'object' ? element('pre', {}, JSON.stringify(each, null, 2)) : String(each)])));
}
