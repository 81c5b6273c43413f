// stream.js: the connection to /api/calls/stream, kept for as long as the page is open.
//
// EventSource reconnects by itself after a lost connection, but gives up for good after any answer other than 200 (a proxy's
// 503 while the server restarts): then it is made anew, later and later, at random. And a connection that died without a
// word (the machine slept, a router forgot it) looks open: the server says something every 15 s, so long silence is death.
// Timers do not tell sleep: a browser lets those of a page in the background run once a minute; events come all the same.

const RETRY_MIN_MS = 1000, RETRY_MAX_MS = 30000, TICK_MS = 5000;

export const SILENT_MS = 40000;

export class Stream {
  #source = null;
  #begun = false; // this EventSource has a cursor: after a reconnect it goes on where it was
  #failures = 0;
  #timer = 0;
  /** When the server was last heard of. */
  heardAt = Date.now();

  /** `handlers`: state(name), snapshot(calls), update(update), reset(), refused(). */
  constructor(handlers) {
    this.handlers = handlers;
    this.#open();
    addEventListener('online', () => this.#source.readyState !== EventSource.OPEN && this.#again(0));
    setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    if (this.#source.readyState === EventSource.CLOSED || Date.now() - this.heardAt <= SILENT_MS) return;
    this.handlers.state('reconnecting');
    this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#source?.close();
    const source = new EventSource('/api/calls/stream');
    this.#source = source;
    this.#begun = false;
    this.heardAt = Date.now(); // so long it has to answer
    const on = (name, handle) => source.addEventListener(name, (event) => {
      if (source !== this.#source) return;
      if (name !== 'error') this.heardAt = Date.now();
      handle(event);
    });
    on('open', () => this.handlers.state(this.#begun ? 'connected' : 'waiting'));
    on('snapshot', (event) => this.#connected(() => this.handlers.snapshot(JSON.parse(event.data).calls)));
    on('call', (event) => this.#connected(() => this.handlers.update(JSON.parse(event.data))));
    on('heartbeat', () => {});
    on('reset', () => this.handlers.reset());
    on('closed', (event) => JSON.parse(event.data).reason === 'access_ended' && this.#checkAccess());
    on('error', () => this.#failed());
  }

  #connected(handle) {
    this.#failures = 0;
    this.#begun = true;
    handle();
    this.handlers.state('connected');
  }

  #failed() {
    if (this.#source.readyState === EventSource.CONNECTING) {
      this.handlers.state('reconnecting');
      return;
    }
    this.handlers.state('offline');
    this.#failures++;
    const longest = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures);
    this.#again(RETRY_MIN_MS + Math.random() * longest);
    this.#checkAccess();
  }

  #again(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  /** EventSource does not say which status it got. */
  async #checkAccess() {
    const answer = await fetch('/api/calls?limit=1').catch(() => null);
    if (answer?.status !== 401) return;
    clearTimeout(this.#timer);
    this.#source.close();
    this.handlers.refused();
  }
}
