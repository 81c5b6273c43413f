// calls.js: what this page knows: live and finished calls, each in its newest version. No page, no network.

const isLive = ({ status }) => status === 'registered' || status === 'ongoing';

export const beganAt = (call) => Date.parse(call.started_at ?? call.first_seen_at);

export class Calls {
  live = new Map();
  finished = new Map();
  /** call id → the newest version that was seen, also of calls that are in neither list. */
  versions = new Map();
  /** Finished calls from here on are known without gaps; -Infinity: all of them. */
  completeSince = Infinity;

  /** A state of a call, from wherever. False if it is old news. */
  put(call) {
    if (call.version < (this.versions.get(call.call_id) ?? 0)) return false;
    this.versions.set(call.call_id, call.version);
    this.live.delete(call.call_id);
    if (isLive(call)) {
      this.live.set(call.call_id, call);
      this.finished.delete(call.call_id);
    } else if (this.finished.has(call.call_id) || beganAt(call) >= this.completeSince || this.completeSince === Infinity) {
      this.finished.set(call.call_id, call);
    }
    return true;
  }

  /** An update of the stream. False if this page has seen that version. */
  update({ call_id: id, version, gone, call }) {
    if (version <= (this.versions.get(id) ?? 0)) return false;
    if (!gone) return this.put(call);
    this.versions.set(id, version);
    this.live.delete(id);
    this.finished.delete(id);
    return true;
  }

  /** The live calls as the stream begins with them: whatever else was live is so no longer. */
  snapshot(calls) {
    const ids = new Set(calls.map(({ call_id: id }) => id));
    for (const id of this.live.keys()) if (!ids.has(id)) this.live.delete(id);
    for (const call of calls) this.put(call);
  }

  /** The server has begun anew and may be behind what we saw: what follows counts. */
  forgetVersions() {
    this.versions.clear();
  }

  /** The newest page of finished calls. True if the list begins with it: the first one, or one after a gap, for so many
   *  calls have finished while we were away that it does not reach back to what we had. */
  addNewest(calls, next) {
    const begins = this.completeSince === Infinity || (next != null && !calls.some(({ call_id: id }) => this.finished.has(id)));
    const oldest = calls.length ? beganAt(calls.at(-1)) : Infinity;
    if (begins) {
      for (const [id, call] of this.finished) if (beganAt(call) < oldest) this.finished.delete(id);
      this.completeSince = Infinity;
    }
    this.addOlder(calls, next);
    return begins;
  }

  /** The page that follows what we have. `next`: null if there are no older ones. */
  addOlder(calls, next) {
    const oldest = calls.length ? beganAt(calls.at(-1)) : Infinity;
    this.completeSince = next == null ? -Infinity : Math.min(this.completeSince, oldest);
    for (const call of calls) this.put(call);
  }

  /** Keeps the newest `most` finished calls: a page that is open for weeks does not grow. Where the list of older ones goes on
   *  from there (`before` of the API), null if nothing was dropped. A call of the same millisecond may come twice. */
  trim(most) {
    if (this.versions.size > 4 * most + 2 * this.live.size)
      for (const id of this.versions.keys()) if (!this.get(id)) this.versions.delete(id);
    if (this.finished.size <= most * 1.1) return null;
    const kept = this.newestFinished().slice(0, most);
    for (const id of this.finished.keys()) this.versions.delete(id);
    this.finished = new Map(kept.map((call) => [call.call_id, call]));
    for (const call of kept) this.versions.set(call.call_id, call.version);
    this.completeSince = beganAt(kept.at(-1));
    return `${(this.completeSince + 1) * 1000}:0`;
  }

  get(id) {
    return this.live.get(id) ?? this.finished.get(id);
  }

  newestLive() {
    return [...this.live.values()].sort(newestFirst);
  }

  newestFinished() {
    return [...this.finished.values()].sort(newestFirst);
  }
}

function newestFirst(a, b) {
  return beganAt(b) - beganAt(a) || (a.call_id < b.call_id ? -1 : 1);
}
