// Five hundred conflicts at once: planned, looked at, decided.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, close, open } from "./lib/browser.mjs";
import { ask, eventually, look } from "./lib/world.mjs";

const N = 500;
const FIELD = "item.price";

before(open);
after(close);

/** Does `act` for each, some at a time. */
async function each(list, act, width = 16) {
  const waiting = [...list.entries()];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await act(next[1], next[0]);
  }));
}

/** All pages of a list. */
async function all(path) {
  const items = [];
  for (let after = ""; ;) {
    const page = await ask("GET", `${path}&limit=200${after && `&after=${encodeURIComponent(after)}`}`);
    items.push(...page.items);
    if (!page.next) return items;
    after = page.next;
  }
}

const open_ = () => all(`/review/api/v1/conflicts?account=globex&field=${FIELD}`);

test("500 conflicts are planned and decided at once", { timeout: 600_000 }, async () => {
  const made = [];
  await each(Array.from({ length: N }), async (_, at) => {
    made.push((await ask("POST", "/suitex/globex/records/item?user=sam", { name: `Bulk ${String(at).padStart(3, "0")}`, price: "1.00" })).id);
  });
  const ids = new Map();
  await each(made, async (id) => {
    const record = await eventually(`item ${id} is on both sides`, async () => {
      const shown = await look(`/review/api/v1/records/globex/item/suitex:${id}`);
      return shown?.ids?.netsuite && shown.status === "in_sync" ? shown : null;
    }, 300_000);
    ids.set(id, record.ids.netsuite);
  }, 8);
  await each(made, (id) => Promise.all([
    ask("PATCH", `/suitex/globex/records/item/${id}?user=sam`, { price: "2.00" }),
    ask("PATCH", `/netsuite/globex/ui/inventoryitem/${ids.get(id)}?user=nina`, { baseprice: "3.00" }),
  ]), 8);
  await eventually("all of them are in conflict", async () => (await open_()).length >= N, 300_000);
  const versions = new Map();
  await each(made, async (id) => versions.set(id, (await ask("GET", `/review/api/v1/records/globex/item/suitex:${id}`)).version), 8);

  const gus = await Visitor.named("gus");
  await gus.visit("/review/");
  await gus.page.getByRole("link", { name: /Decide many/ }).click();
  await gus.page.getByLabel("On the field").selectOption(FIELD);
  await gus.page.getByLabel("Take").selectOption("netsuite_wins");
  await gus.page.getByRole("button", { name: "Show the plan" }).click();
  await gus.page.getByRole("heading", { name: `The plan: ${N} conflicts` }).waitFor({ timeout: 60_000 });
  assert.match(await gus.text(), new RegExp(`Written to SuiteX ${N} records`));
  await gus.check("a plan of 500");
  await gus.shot("bulk-plan");
  await gus.page.getByLabel("Why").fill("The price list of NetSuite is the right one.");
  await gus.page.getByRole("button", { name: `Decide ${N} conflicts` }).click();
  await gus.page.getByRole("heading", { name: `${N} decisions on their way` }).waitFor({ timeout: 60_000 });
  await gus.check("a plan that was applied");
  await gus.shot("bulk-done");
  await gus.end();

  await eventually("no conflict is left", async () => (await open_()).length === 0, 300_000);
  await each(made, async (id) => {
    await eventually(`item ${id} has NetSuite's price`, async () => (await ask("GET", `/suitex/globex/records/item/${id}`)).price === "3.00", 120_000);
    assert.equal((await ask("GET", `/netsuite/globex/ui/inventoryitem/${ids.get(id)}`)).baseprice, "3.00", `item ${id} in NetSuite`);
    const path = `/review/api/v1/records/globex/item/suitex:${id}`;
    const record = await eventually(`item ${id} is in sync`, async () => {
      const shown = await ask("GET", path);
      return shown.status === "in_sync" ? shown : null;
    });
    assert.deepEqual(
      [record.version, record.lock.record, record.lock.fields, record.conflict],
      [versions.get(id) + 1, false, [], undefined],
      `item ${id}: decided once, and nothing is locked`,
    );
    const history = await ask("GET", `${path}/history`);
    const decided = history.items.filter((row) => row.source === "review");
    assert.deepEqual(decided.map((row) => row.actor), ["gus@dev.example"], `item ${id}: ${JSON.stringify(history.items)}`);
  }, 8);
  const audit = await all("/review/api/v1/audit/globex?actor=gus@dev.example");
  assert.equal(audit.filter((item) => item.action === "resolved").length, N);
  const row = audit.find((item) => item.action === "bulk_resolved");
  assert.equal(row?.details.accepted, N);
  assert.equal(row?.details.why, "The price list of NetSuite is the right one.");
});
