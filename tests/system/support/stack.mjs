// stack.mjs: the running stack as its run directory describes it: addresses and keys (RUN/env), parts and their processes.
//
// The run directory is given by tests/run in HOOKLINE_TEST_RUN: tests never guess at a stack and so never meet yours.

import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { waitFor } from './wait.mjs';

const execute = promisify(execFile);

/** NAME='value' lines; the only quoting in them is '\'' for a quote. */
export function parseAssignments(text) {
  const values = {};
  for (const [, name, value] of text.matchAll(/^([A-Z][A-Z0-9_]*)='((?:[^']|'\\'')*)'$/gm))
    values[name] = value.replaceAll(`'\\''`, `'`);
  return values;
}

export async function openStack(run = process.env.HOOKLINE_TEST_RUN) {
  if (!run) throw new Error('HOOKLINE_TEST_RUN names no run directory: start these tests with tests/run system');
  return new Stack(run, parseAssignments(await readFile(join(run, 'env'), 'utf8')));
}

export class Stack {
  constructor(run, environment) {
    this.run = run;
    /** The contract of docs/operations.md: INGEST_URL, DASHBOARD_URL, DASHBOARD_TOKEN, … */
    this.env = environment;
  }

  /** `hookline ARGUMENTS…` as the stack's operator; what it printed. Throws when it exits with anything but 0. */
  async hookline(...args) {
    const { stdout } = await execute(this.env.HOOKLINE, args);
    return stdout.trim();
  }

  // A part is ingest, resolver, session, sync, broadcaster, postgres, kafka ------------------------------------------

  async pid(part) {
    return Number(await readFile(join(this.env.PIDS_DIR, `${part}.pid`), 'utf8'));
  }

  /** How often the part was started since deploy/up made the run directory. */
  async starts(part) {
    return (await readFile(join(this.run, 'starts', part), 'utf8')).trimEnd().split('\n').length;
  }

  /** Sends a signal to the part's process; with SIGKILL, runit starts it again. */
  async signal(part, signal) {
    process.kill(await this.pid(part), signal);
  }

  /** Stops a part for as long as it takes to call start(). */
  stop(part) {
    return execute('sv', ['-w', '30', 'down', join(this.run, 'service', part)]);
  }

  start(part) {
    return execute('sv', ['up', join(this.run, 'service', part)]);
  }

  restart(part) {
    return execute('sv', ['-w', '30', 'force-restart', join(this.run, 'service', part)]);
  }

  /** Changes one variable of a part's environment (null: takes it away) from its next start on; a failpoint, for example. */
  async setEnvironment(part, name, value) {
    const file = join(this.run, 'service', part, 'env', name);
    await (value === null ? rm(file, { force: true }) : writeFile(file, `${value}\n`));
  }

  async ready(part) {
    const address = (await readFile(join(this.run, 'management', part), 'utf8')).trim();
    const answer = await fetch(`http://${address}/readyz?verbose`).catch(() => null);
    return answer?.status === 200;
  }

  waitUntilReady(part, seconds = 60) {
    return waitFor(`${part} is ready`, () => this.ready(part), seconds);
  }

  /** The Prometheus text of a program. */
  async metrics(part) {
    const address = (await readFile(join(this.run, 'management', part), 'utf8')).trim();
    return (await fetch(`http://${address}/metrics`)).text();
  }

  log(part) {
    return readFile(join(this.run, 'log', part, 'current'), 'utf8');
  }

  // The API of the dashboard -----------------------------------------------------------------------------------------

  /** The token of a demo company, 1 or 2. */
  token(company) {
    return company === 1 ? this.env.DASHBOARD_TOKEN : this.env.DASHBOARD_TOKEN_2;
  }

  /** GET of the API as a company: { status, body }. */
  async api(company, path) {
    const answer = await fetch(this.env.DASHBOARD_URL + path, {
      headers: { authorization: `Bearer ${this.token(company)}` },
    });
    return { status: answer.status, body: await answer.json() };
  }
}
