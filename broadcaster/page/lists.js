// lists.js: the two lists. A row is made once and keeps its place in the page's memory; only texts that change are written.

import { beganAt } from './calls.js';
import { element, place, setAttribute, setText } from './element.js';
import { duration, exactly, moment, money } from './format.js';
import { wordOf, words } from './words.js';

const LEAVING_MS = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 280;

export const callerOf = (call) => call.from_number || (call.call_type === 'web_call' ? words.webCall : words.unknownCaller);

/** A list's columns: a name (its word and its class) and what a call shows there. */
const COLUMNS = {
  live: {
    status: (call) => wordOf('statuses', call.status),
    caller: null,
    agent: (call) => call.agent_id ?? '',
    time: null,
  },
  finished: {
    start: (call) => moment(call.started_at ?? call.first_seen_at),
    caller: null,
    duration: (call) => (call.duration_ms ? duration(call.duration_ms) : '–'),
    status: (call) => wordOf('statuses', call.status),
    reason: (call) => wordOf('reasons', call.disconnection_reason),
    sentiment: (call) => wordOf('sentiments', call.sentiment),
    cost: (call) => money(call.cost_cents),
    missing: null,
  },
};

export class List {
  #rows = new Map();

  /** `open(call id)` when a row is chosen. */
  constructor(kind, open) {
    this.columns = COLUMNS[kind];
    this.table = document.querySelector(`.table.${kind}`);
    this.empty = document.getElementById(`${kind}-empty`);
    this.open = open;
    const head = Object.keys(this.columns).map((name) => element('span', { role: 'columnheader', class: name }, words[name]));
    this.body = element('div', { role: 'rowgroup' });
    this.table.append(element('div', { role: 'rowgroup', class: 'head' }, element('div', { role: 'row', class: 'row' }, head)), this.body);
    this.body.addEventListener('keydown', (event) => this.#move(event));
  }

  /** Shows exactly these calls in this order. `news`: call ids that have just come, and are shown as such. */
  show(calls, { news = new Set(), filtered = false } = {}) {
    const ids = new Set(calls.map(({ call_id: id }) => id));
    for (const [id, row] of this.#rows)
      if (!ids.has(id)) {
        this.#rows.delete(id);
        leave(row.node);
      }
    let next = this.body.firstChild;
    for (const call of calls) {
      const row = this.#rows.get(call.call_id) ?? this.#make(call.call_id, news.has(call.call_id));
      while (next?.classList.contains('leaving')) next = next.nextSibling;
      if (row.node === next) next = next.nextSibling;
      else place(this.body, row.node, next);
      this.#fill(row, call);
    }
    this.empty.hidden = calls.length > 0;
    this.table.hidden = calls.length === 0 && !this.body.querySelector('.leaving');
    setText(this.empty, filtered ? words.noMatch : words[this.empty.dataset.word]);
  }

  /** The running clocks; `now` is the server's time. */
  tick(now) {
    for (const { call, cells } of this.#rows.values()) if (cells.time) setText(cells.time, duration(now - beganAt(call)));
  }

  mark(id) {
    for (const [each, { node, button }] of this.#rows) {
      node.classList.toggle('chosen', each === id);
      setAttribute(button, 'aria-expanded', String(each === id));
    }
  }

  #make(id, isNews) {
    const button = element('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': 'detail' });
    const called = element('span', { class: 'called' });
    const cells = {};
    for (const name of Object.keys(this.columns)) cells[name] = element('span', { role: 'cell', class: name });
    cells.caller.append(button, called);
    const node = element('div', { role: 'row', class: isNews ? 'row arriving' : 'row', 'data-call-id': id }, Object.values(cells));
    node.addEventListener('animationend', () => node.classList.remove('arriving'));
    node.addEventListener('click', () => getSelection().isCollapsed && this.open(id));
    const row = { node, button, called, cells };
    this.#rows.set(id, row);
    return row;
  }

  #fill(row, call) {
    const today = new Date().toDateString(); // tomorrow the same start reads differently
    if (row.call === call && row.day === today) return;
    row.call = call;
    row.day = today;
    setAttribute(row.node, 'data-status', call.status);
    setAttribute(row.node, 'data-sentiment', call.sentiment ?? '');
    setText(row.button, callerOf(call));
    setText(row.called, call.to_number ? `→ ${call.to_number}` : '');
    for (const [name, read] of Object.entries(this.columns)) if (read) setText(row.cells[name], read(call));
    if (row.cells.agent) setAttribute(row.cells.agent, 'title', call.agent_id ?? '');
    if (row.cells.start) setAttribute(row.cells.start, 'title', exactly(call.started_at ?? call.first_seen_at));
    if (row.cells.missing) fillMissing(row.cells.missing, call.missing);
  }

  /** Up and down move between the rows, as in any list. */
  #move(event) {
    const step = { ArrowDown: 'nextSibling', ArrowUp: 'previousSibling' }[event.key];
    const row = step && event.target.closest('[data-call-id]')?.[step];
    if (!row) return;
    event.preventDefault();
    row.querySelector('button').focus();
  }
}

function fillMissing(cell, missing) {
  const names = missing.map((name) => wordOf('lacks', name));
  if (cell.childElementCount === names.length && names.every((name, i) => cell.children[i].textContent === name)) return;
  cell.replaceChildren(...names.map((name) => element('span', { class: 'chip' }, name)));
}

/** A row that goes does so visibly; it is no longer of the list meanwhile. */
function leave(node) {
  if (!LEAVING_MS) {
    node.remove();
    return;
  }
  node.classList.add('leaving');
  node.inert = true;
  setTimeout(() => node.remove(), LEAVING_MS);
}
