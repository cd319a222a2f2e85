// Debian's Chromium, watched: other hosts, console errors and refusals by the CSP are faults.

import { chromium } from "playwright-core";

// Without these, Chromium contacts its maker's servers at each start.
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const base = process.argv[2];

/**
 * Runs the steps on a new page; throws when a step fails or the page had a fault. With other origins, their
 * hosts are this machine.
 */
export async function visit(options, steps, origins = []) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const here = origins.map((origin) => `MAP ${new URL(origin).hostname} 127.0.0.1`).join(",");
  const args = here ? [...QUIET, `--host-resolver-rules=${here}`] : QUIET;
  const known = [base, ...origins].map((url) => new URL(url).origin);
  const browser = await chromium.launch({ executablePath, args });
  try {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const faults = [];
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`script: ${error}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      const inline = ["data:", "blob:"].includes(url.protocol);
      if (!inline && !known.includes(url.origin)) faults.push(`request to ${url}`);
    });
    await steps(page, faults);
    if (faults.length > 0) throw new Error(faults.join("\n"));
  } finally {
    await browser.close();
  }
}

export function expect(what, found, expected) {
  if (found !== expected) throw new Error(`${what}: expected ${expected}, found ${found}`);
}
