// browser.mjs: Debian's Chromium, driven by playwright-core; a fresh profile for each test.

import { chromium } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

const WAIT_MS = 60000;

export function openBrowser() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** The dashboard as a company sees it: a page of playwright with live(call) and finished(call), the lines that show a call in
 *  either part. It carries a mark that a reload would wipe: see wasNotReloaded. */
export async function openDashboard(browser, stack, company) {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`${stack.env.DASHBOARD_URL}/?token=${encodeURIComponent(stack.token(company))}`);
  await page.evaluate(() => {
    window.markOfTheTest = true;
  });
  page.live = ({ call_id: id }) => page.locator(`#live [data-call-id="${id}"]`);
  page.finished = ({ call_id: id }) => page.locator(`#finished [data-call-id="${id}"]`);
  return page;
}

export function wasNotReloaded(page) {
  return page.evaluate(() => window.markOfTheTest === true);
}
