// One Chromium, and what every page is held to: no error in its console, no overflow, nothing that axe finds, and at
// most 100 KB.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { world } from "./world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = process.env.SCREENSHOTS || path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../target/screenshots");
mkdirSync(SHOTS, { recursive: true });

/** Most that a page may weigh when nothing of it is kept from before, in bytes on the wire. */
const WEIGHT_MAX = 100 * 1024;

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 812 };

let browser = null;

/** Starts the browser. */
export async function open() {
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  // Root has no sandbox of its own; the pages are ours.
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--force-color-profile=srgb"] });
}

/** Ends it. */
export async function close() {
  await browser?.close();
}

/** A person at a browser of their own. */
export class Visitor {
  static async named(name, options = {}) {
    const visitor = new Visitor();
    visitor.context = await browser.newContext({ viewport: DESKTOP, locale: "en-GB", timezoneId: "Europe/Amsterdam", ...options });
    visitor.context.setDefaultTimeout(20_000);
    await visitor.context.addCookies([{ name: "review-as", value: name, url: world }]);
    visitor.page = await visitor.context.newPage();
    visitor.errors = [];
    visitor.expected = [];
    visitor.page.on("console", (message) => {
      if (message.type() === "error" && !visitor.expected.some((wanted) => wanted.test(message.text()))) visitor.errors.push(message.text());
    });
    visitor.page.on("pageerror", (error) => visitor.errors.push(String(error)));
    return visitor;
  }

  /** Goes to a page; it must answer as wanted. */
  async visit(at, status = 200) {
    if (status >= 400) this.expected.push(new RegExp(`status of ${status}`));
    const answer = await this.page.goto(`${world}${at}`, { waitUntil: "load" });
    assert.equal(answer.status(), status, `${at}: ${answer.status()}`);
    return answer;
  }

  /** What the page says, in one line. */
  async text(selector = "main") {
    return (await this.page.locator(selector).first().innerText()).replace(/\s+/g, " ").trim();
  }

  /** Everything that every page is held to. */
  async check(what) {
    assert.deepEqual(this.errors, [], `${what}: errors in the console`);
    await this.fits(what);
    await this.isAccessible(what);
  }

  /** Nothing is wider than the window. */
  async fits(what) {
    const found = await this.page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const over = document.documentElement.scrollWidth > width;
      const isSeen = (el) => { const box = el.getBoundingClientRect(); return box.width > 1 && box.height > 1 && box.right > width + 1 && getComputedStyle(el).visibility !== "hidden" && !el.closest(".sr, .skip"); };
      const wide = [...document.querySelectorAll("body *")].filter(isSeen).slice(0, 5).map((el) => `${el.tagName.toLowerCase()}.${el.className} ends at ${Math.round(el.getBoundingClientRect().right)}`);
      return { over, wide, width };
    });
    assert.ok(!found.over && found.wide.length === 0, `${what}: wider than ${found.width} px: ${found.wide.join("; ")}`);
  }

  /** Axe finds nothing. */
  async isAccessible(what) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
      return violations.map((v) => `${v.id} (${v.help}): ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join("; ")}`);
    });
    assert.deepEqual(found, [], `${what}: axe`);
  }

  /** Keeps a picture of the whole page. */
  async shot(name) {
    const seen = this.page.viewportSize();
    // As tall as the page: what sticks to the window's end must not lie over the middle of the picture.
    const height = await this.page.evaluate(() => document.documentElement.scrollHeight);
    await this.page.setViewportSize({ width: seen.width, height: Math.min(Math.max(height, seen.height), 12_000) });
    await this.page.screenshot({ path: path.join(SHOTS, `${name}-${seen.width}.png`), animations: "disabled" });
    await this.page.setViewportSize(seen);
  }

  async end() {
    assert.deepEqual(this.errors, [], "errors in the console");
    await this.context.close();
  }
}

/** A page at both widths: held to everything, and a picture of each. */
export async function examine(name, at, { status = 200, as = "ada", before = async () => {}, ...options } = {}) {
  for (const viewport of [DESKTOP, PHONE]) {
    const visitor = await Visitor.named(as, { viewport, isMobile: false, hasTouch: viewport === PHONE, ...options });
    const weight = await weighed(visitor, () => visitor.visit(at, status));
    assert.ok(weight <= WEIGHT_MAX, `${name}: weighs ${weight} bytes`);
    await before(visitor);
    await visitor.check(`${name} at ${viewport.width} px`);
    await visitor.shot(name);
    await visitor.end();
  }
}

/** Bytes on the wire while `act` is done, in a browser that has kept nothing. */
export async function weighed(visitor, act) {
  const tap = await visitor.context.newCDPSession(visitor.page);
  await tap.send("Network.enable");
  let bytes = 0;
  tap.on("Network.loadingFinished", (event) => { bytes += event.encodedDataLength; });
  await act();
  await visitor.page.waitForLoadState("networkidle").catch(() => {});
  await tap.detach();
  return bytes;
}
