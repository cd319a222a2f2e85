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

/** Runs the steps on a new page; throws when a step fails or the page had a fault. */
export async function visit(options, steps) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: QUIET });
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
      if (!inline && url.origin !== new URL(base).origin) faults.push(`request to ${url}`);
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
