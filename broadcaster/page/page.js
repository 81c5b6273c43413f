// page.js: the dashboard put together: the stream feeds the calls, the calls fill the lists; one call opens beside them.

import { Calls } from './calls.js';
import { Detail } from './detail.js';
import { setAttribute, setText } from './element.js';
import { age } from './format.js';
import { Health } from './health.js';
import { List } from './lists.js';
import { SILENT_MS, Stream } from './stream.js';
import { fillInWords, words } from './words.js';

const PAGE = 50, SHOWN_MAX = 1000;
const at = (id) => document.getElementById(id);

fillInWords();

const calls = new Calls();
const news = new Set(); // call ids that came since the lists were drawn
let filter = '', olderThan = null, drawing = 0;
let state = 'connecting', connectedAt = 0, lastUpdateAt = 0, currentAt = 0, finishedTimer = 0;

const detail = new Detail(at('detail'), (id) => {
  lists.live.mark(id);
  lists.finished.mark(id);
  history.replaceState(null, '', id ? `#${encodeURIComponent(id)}` : location.pathname);
});
const open = (id) => (detail.id === id ? detail.close() : detail.open(id));
const lists = { live: new List('live', open), finished: new List('finished', open) };
const health = new Health({
  answered: ({ company }) => {
    setText(at('company'), company.name);
    tick();
  },
  refused: signIn,
});

// Drawing: at most once a frame, however many changes came ------------------------------------------------------------

function fits({ call_id: id, from_number: from, to_number: to, agent_id: agent }) {
  return !filter || [id, from, to, agent].some((text) => text?.toLowerCase().includes(filter));
}

function draw() {
  drawing = 0;
  olderThan = calls.trim(SHOWN_MAX) ?? olderThan;
  const live = calls.newestLive(), finished = calls.newestFinished().slice(0, SHOWN_MAX);
  const [liveShown, finishedShown] = [live.filter(fits), finished.filter(fits)];
  lists.live.show(liveShown, { news, filtered: liveShown.length < live.length });
  lists.finished.show(finishedShown, { news, filtered: finishedShown.length < finished.length });
  lists.live.mark(detail.id);
  lists.finished.mark(detail.id);
  lists.live.tick(serverNow());
  setText(at('live-count'), String(live.length));
  health.setLive(live.length);
  at('older').hidden = olderThan === null || finished.length >= SHOWN_MAX;
  document.title = live.length ? `(${live.length}) hookline` : 'hookline';
  news.clear();
}

/** A page in the background gets no frames, and is to be right all the same. */
function drawSoon() {
  drawing ||= document.hidden ? setTimeout(draw, 100) : requestAnimationFrame(draw);
}
document.addEventListener('visibilitychange', () => document.hidden && drawing && draw());

const serverNow = () => Date.now() + health.clockOffset;

function tick() {
  lists.live.tick(serverNow());
  const silent = Date.now() - stream.heardAt > SILENT_MS; // a machine that wakes up: the stream looks open still
  if (state === 'connected') currentAt = silent ? stream.heardAt : Date.now();
  health.tick(state, lastUpdateAt, connectedAt);
  const stale = (silent || state !== 'connected') && currentAt > 0 && Date.now() - currentAt > 2000;
  at('stale').hidden = !stale;
  document.body.classList.toggle('is-stale', stale);
  if (stale) setText(at('stale'), words.stale(age(Date.now() - currentAt)));
}

// The stream ----------------------------------------------------------------------------------------------------------

function setState(name) {
  if (name === 'connected' && state !== 'connected') connectedAt = Date.now();
  state = name;
  setText(at('connection-text'), words[name]);
  setAttribute(at('connection'), 'data-state', name);
  tick();
}

const stream = new Stream({
  state: setState,
  reset: () => calls.forgetVersions(),
  snapshot: (live) => {
    calls.snapshot(live);
    drawSoon();
    loadFinished(null);
    health.soon();
  },
  update: (update) => {
    lastUpdateAt = Date.now();
    if (!calls.update(update)) return;
    news.add(update.call_id);
    detail.refresh(update.call_id);
    health.soon();
    drawSoon();
  },
  refused: signIn,
});

/** A page of finished calls; `before` null: the newest. What the stream has told since is newer, and stays. */
async function loadFinished(before) {
  const more = before === null ? '' : `&before=${encodeURIComponent(before)}`;
  const answer = await fetch(`/api/calls?state=ended&limit=${PAGE}${more}`).catch(() => null);
  if (!answer?.ok) {
    if (answer?.status === 401 || before !== null) return; // older ones: whoever asked asks again
    clearTimeout(finishedTimer);
    finishedTimer = setTimeout(() => loadFinished(null), 3000);
    return;
  }
  const { calls: finished, next } = await answer.json();
  if (before !== null) calls.addOlder(finished, next);
  if (before !== null || calls.addNewest(finished, next)) olderThan = next;
  drawSoon();
}

// The reader ----------------------------------------------------------------------------------------------------------

function signIn() {
  if (!at('sign-in').hidden) return;
  at('board').hidden = at('health').hidden = at('stale').hidden = true;
  at('sign-in').hidden = false;
  at('connection').hidden = at('filter').hidden = true;
  at('refused').hidden = !new URLSearchParams(location.search).has('token');
  history.replaceState(null, '', location.pathname); // a token must not stay in the address
  at('token').focus();
}

at('older').addEventListener('click', () => loadFinished(olderThan));
at('filter').addEventListener('input', (event) => {
  filter = event.target.value.trim().toLowerCase();
  drawSoon();
});
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.closest('input')) return;
  event.preventDefault();
  at('filter').focus();
});

setState('connecting');
setInterval(tick, 1000);
drawSoon();
if (location.hash.length > 1) detail.open(decodeURIComponent(location.hash.slice(1)));
