// stream.mjs: a client of the dashboard's SSE stream that keeps every event it was sent.

import { waitFor } from './wait.mjs';

/** Opens GET /api/calls/stream as a company and returns once the snapshot is there. */
export async function openStream(stack, company, headers = {}) {
  const abort = new AbortController();
  const answer = await fetch(`${stack.env.DASHBOARD_URL}/api/calls/stream`, {
    headers: { authorization: `Bearer ${stack.token(company)}`, accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  });
  if (answer.status !== 200) throw new Error(`the stream answered ${answer.status}: ${await answer.text()}`);
  const stream = new Stream(abort);
  stream.read(answer.body).catch((error) => {
    stream.ended = error;
  });
  await waitFor('the stream begins with a snapshot or a resumption', () => stream.events.length > 0 || headers['last-event-id']);
  return stream;
}

class Stream {
  constructor(abort) {
    this.abort = abort;
    /** In the order they came: { event, id, data } with data parsed. */
    this.events = [];
    /** All bytes, as text: what must not be in it can be looked for here. */
    this.text = '';
    this.ended = null;
  }

  async read(body) {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      const text = decoder.decode(chunk, { stream: true });
      this.text += text;
      const frames = (rest + text).split('\n\n');
      rest = frames.pop();
      for (const frame of frames) this.take(frame);
    }
    this.ended = new Error('the stream was closed');
  }

  take(frame) {
    const fields = {};
    for (const line of frame.split('\n')) {
      const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (name) fields[name] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value;
    }
    if (fields.data !== undefined)
      this.events.push({ event: fields.event ?? 'message', id: fields.id, data: JSON.parse(fields.data) });
  }

  /** The first update of this call that fits. */
  waitForCall(callId, fits = () => true, seconds = 60) {
    return waitFor(`the stream shows ${callId}`, () => this.updates(callId).find((update) => fits(update.call, update)), seconds);
  }

  /** Every update of this call, in order. */
  updates(callId) {
    return this.events.filter(({ event, data }) => event === 'call' && data.call_id === callId).map(({ data }) => data);
  }

  close() {
    this.abort.abort();
  }
}
