// People say who is who, see to notices, edit what is stuck; and nothing that was typed is put over what is new.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PHONE, Visitor, close, open } from "./lib/browser.mjs";
import { Both, ambiguous, ask, eventually, look, refuses } from "./lib/world.mjs";

before(open);
after(close);

test("a question is found in the inbox and answered; the two become one record", async () => {
  const asked = await ambiguous("Umber Union", ["Umber Union East", "Umber Union West"]);
  const chosen = asked.candidates.find((one) => one.values.companyname === "Umber Union West");
  const rita = await Visitor.named("rita");
  await rita.visit("/review/?account=acme&kind=ambiguous");
  await rita.page.locator(`a[href="/review/ambiguous/${asked.ambiguityId}"]`).click();
  await rita.page.getByRole("heading", { level: 1, name: "Umber Union" }).waitFor();
  assert.match(await rita.text("main table"), /Umber Union West/);
  await rita.page.getByRole("radio", { name: new RegExp(`^NetSuite ${chosen.id}\\b`) }).check();
  await rita.page.getByLabel(/^Why/).fill("They rang.");
  await rita.page.getByRole("button", { name: "Send" }).click();
  await rita.page.getByRole("heading", { level: 2, name: `It is NetSuite ${chosen.id}` }).waitFor({ timeout: 30_000 });
  await rita.check("an answered question");
  await rita.end();
  const record = await eventually("they are one record", async () => {
    const shown = await look(`/review/api/v1/records/acme/customer/suitex:${asked.suitex}`);
    return shown?.ids?.netsuite === chosen.id ? shown : null;
  });
  assert.equal(record.id, asked.recordId);
  const audit = await ask("GET", "/review/api/v1/audit/acme?actor=rita@dev.example&limit=200");
  const row = audit.items.find((one) => one.action === "identified" && one.subject.endsWith(asked.recordId));
  assert.equal(row?.details.why, "They rang.");
});

test("without scripts a question is answered all the same, on a phone; what was typed stays when nothing was chosen", async () => {
  const asked = await ambiguous("Vellum Vale", ["Vellum Vale I", "Vellum Vale II"]);
  const rita = await Visitor.named("rita", { javaScriptEnabled: false, viewport: PHONE });
  rita.expected.push(/status of 422/);
  await rita.visit(`/review/ambiguous/${asked.ambiguityId}`);
  await rita.page.getByLabel(/^Why/).fill("It is new.");
  await rita.page.getByRole("button", { name: "Send" }).click();
  await rita.page.getByRole("heading", { name: "This cannot be sent yet" }).waitFor();
  assert.equal(await rita.page.getByLabel(/^Why/).inputValue(), "It is new.");
  await rita.page.getByRole("radio", { name: /^None of these/ }).check();
  await rita.page.getByRole("button", { name: "Send" }).click();
  await eventually("it is created", async () => (await look(`/review/api/v1/records/acme/customer/suitex:${asked.suitex}`))?.ids?.netsuite);
  await rita.end();
});

test("a notice is seen to, and is gone from the list", async () => {
  const asked = await ambiguous("Walnut Works", ["Walnut Works I", "Walnut Works II"]);
  const rita = await Visitor.named("rita");
  await rita.visit("/review/notices");
  const row = rita.page.locator("li", { has: rita.page.locator(`a[href="/review/ambiguous/${asked.ambiguityId}"]`) });
  await row.getByRole("button", { name: /^Seen to/ }).click();
  await row.waitFor({ state: "detached" });
  await rita.visit("/review/notices?all=1");
  assert.match(await row.innerText(), /seen to by rita@dev\.example/);
  await rita.end();
});

test("a draft of an earlier state is offered, and put back only beside what has changed", async () => {
  const both = await Both.make("acme", "customer", { company_name: "Yarrow Yard", email: "y@example.com" });
  const found = await both.clash({ comments: "one" }, { comments: "two" });
  const at = `/review/conflicts/${found.conflictId}`;
  const rita = await Visitor.named("rita");
  await rita.visit(at);
  const box = rita.page.getByRole("textbox", { name: "Another value for Comments" });
  await box.fill("typed with care");
  // Away and back: of the same state, it is there again.
  await rita.visit("/review/");
  await rita.visit(at);
  assert.equal(await box.inputValue(), "typed with care");
  await rita.visit("/review/");
  await both.editNetsuite({ comments: "three" });
  await both.conflict((now) => now.conflictRevision > found.conflictRevision);
  await rita.visit(at);
  assert.notEqual(await box.inputValue(), "typed with care", "nothing is put over what is new");
  await rita.check("an older draft is offered");
  await rita.shot("conflict-old-draft");
  await rita.page.getByRole("button", { name: /Show what is new, with what I typed/ }).click();
  await rita.page.getByRole("heading", { name: /moved on while you were deciding/ }).waitFor();
  assert.equal(await box.inputValue(), "typed with care");
  assert.match(await rita.text("main"), /had two when you looked/);
  await rita.end();
});

test("what is stuck is dismissed with a reason", async () => {
  const both = await Both.make("acme", "customer", { company_name: "Zinnia Zone", email: "z@example.com" });
  await refuses("extension");
  await both.editSuitex({ phone: "+31 20 555 0177 extension 9" });
  const error = await eventually("there is an error", async () => {
    const { items } = await ask("GET", "/review/api/v1/errors?account=acme&open=true&limit=200");
    return items.find((one) => one.record?.id === both.canonical);
  });
  const rita = await Visitor.named("rita");
  await rita.visit(`/review/errors/${error.id}`);
  assert.match(await rita.page.getByRole("link", { name: /the record there.*NetSuite/ }).getAttribute("href"), /netsuite\.com.*id=/);
  await rita.page.getByText("Dismiss it").click();
  await rita.page.locator("#dismiss-note").fill("It is known.");
  await rita.page.getByRole("button", { name: "Dismiss", exact: true }).click();
  await rita.page.getByRole("heading", { name: "It is over" }).waitFor();
  await rita.end();
  const audit = await ask("GET", "/review/api/v1/audit/acme?actor=rita@dev.example&limit=200");
  assert.ok(audit.items.some((row) => row.action === "dismiss" && row.details.why === "It is known."));
});
