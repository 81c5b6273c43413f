// health.js: the day's numbers, and how the pipeline itself is: asked for every few seconds, and soon after a change.

import { element, setAttribute, setText } from './element.js';
import { age, count, duration, moment, money, share } from './format.js';
import { words } from './words.js';

/** Soon is not at once: the question adds up a day's calls, and every open page asks it. */
const EVERY_MS = 15000, SOON_MS = 3000;
const SHARES = ['ongoing', 'ended', 'not_connected', 'error'];

export class Health {
  stats = null;
  /** The server's clock minus ours. */
  clockOffset = 0;
  #timer = 0;
  #soon = false;
  #asking = false;
  #tiles = {};
  #shares = {};
  #facts = {};

  constructor(handlers) {
    this.handlers = handlers; // { answered(), refused() }
    for (const name of ['liveNow', 'callsToday', 'averageDuration', 'costToday', 'lacking']) this.#addTile(name);
    for (const name of ['stream', 'lastUpdate', 'broker', 'database', 'lag', 'version']) this.#addFact(name);
    const bar = element('span', { class: 'shares', 'aria-hidden': 'true' });
    for (const name of SHARES) bar.append((this.#shares[name] = element('i', { 'data-status': name })));
    this.#tiles.callsToday.node.append(bar);
    this.ask();
  }

  #addTile(name) {
    const [value, hint] = [element('b', {}, '–'), element('small', {})];
    const node = element('div', { class: `tile ${name}` }, element('span', {}, words[name]), value, hint);
    this.#tiles[name] = { node, value, hint };
    document.getElementById('stats').append(node);
  }

  #addFact(name) {
    const value = element('b', {});
    const node = element('span', { 'data-fact': name }, element('i', {}), words[name], ' ', value);
    this.#facts[name] = { node, value };
    document.getElementById('health').append(node);
  }

  /** A call has changed, and the day's numbers with it. */
  soon() {
    if (this.#soon) return;
    this.#soon = true;
    if (!this.#asking) this.#askIn(SOON_MS);
  }

  #askIn(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.ask(), delay);
  }

  async ask() {
    this.#soon = false;
    this.#asking = true;
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    const asked = Date.now();
    const answer = await fetch(`/api/stats?since=${encodeURIComponent(midnight.toISOString())}`).catch(() => null);
    this.#asking = false;
    this.#askIn(this.#soon ? SOON_MS : EVERY_MS);
    if (answer?.status === 401) this.handlers.refused();
    if (!answer?.ok) return;
    this.stats = await answer.json();
    this.clockOffset = Date.parse(this.stats.now) - (asked + Date.now()) / 2;
    this.#show();
    this.handlers.answered(this.stats);
  }

  #show() {
    const { calls, by_status: by, average_duration_ms: average, cost_cents: cents, lacking } = this.stats;
    const finished = by.ended + by.not_connected + by.error;
    setText(this.#tiles.callsToday.value, count(calls));
    setText(this.#tiles.callsToday.hint, finished ? words.answered(share(by.ended, finished)) : '');
    setText(this.#tiles.averageDuration.value, average == null ? '–' : duration(average));
    setText(this.#tiles.costToday.value, money(cents));
    setText(this.#tiles.lacking.value, count(lacking));
    setText(this.#tiles.lacking.hint, lacking ? words.lackingHint : '');
    for (const name of SHARES) this.#shares[name].style.setProperty('flex-grow', by[name] + (name === 'ongoing' ? by.registered : 0));
  }

  setLive(number) {
    setText(this.#tiles.liveNow.value, count(number));
  }

  /** Every second: the stream's state and the age of what came last. */
  tick(streamState, lastUpdateAt, connectedAt) {
    const pipeline = this.stats?.pipeline;
    const connected = streamState === 'connected';
    this.#fact('stream', connected ? `${words.since} ${moment(connectedAt)}` : words[streamState], connected);
    this.#fact('lastUpdate', lastUpdateAt ? words.ago(age(Date.now() - lastUpdateAt)) : words.never, true);
    this.#fact('broker', pipeline ? (pipeline.kafka ? words.fine : words.away) : words.unread, pipeline?.kafka);
    this.#fact('database', pipeline ? (pipeline.database ? words.fine : words.away) : words.unread, pipeline?.database);
    this.#fact('lag', pipeline ? count(pipeline.lag) : words.unread, pipeline?.lag < 1000);
    this.#fact('version', pipeline?.version ?? words.unread, true);
  }

  #fact(name, text, fine) {
    setText(this.#facts[name].value, text);
    setAttribute(this.#facts[name].node, 'data-fine', String(Boolean(fine)));
  }
}
