// wait.mjs: waiting for a condition, never for a time.

import { setTimeout as pause } from 'node:timers/promises';

const BETWEEN_TRIES_MS = 25;

/** What `condition` returns once that is neither false, null nor undefined; fails after `seconds`, saying what was last seen. */
export async function waitFor(what, condition, seconds = 60) {
  const deadline = performance.now() + seconds * 1000;
  let seen, problem;
  do {
    try {
      problem = undefined;
      seen = await condition();
      if (seen !== false && seen !== null && seen !== undefined) return seen;
    } catch (error) {
      problem = error;
    }
    await pause(BETWEEN_TRIES_MS);
  } while (performance.now() < deadline);
  throw new Error(`Not within ${seconds} s: ${what}${problem ? ` (${problem.message})` : ''}`);
}
