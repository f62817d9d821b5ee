// An error is found, understood, mended and tried again.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Visitor, close, examine, open } from "./lib/browser.mjs";
import { Both, ask, eventually, refuses } from "./lib/world.mjs";

before(open);
after(close);

/** The open error of a record. */
const errorOf = (both) => eventually(`${both.type} ${both.id} has an error`, async () => {
  const { items } = await ask("GET", `/review/api/v1/errors?account=${both.account}&open=true&limit=200`);
  return items.find((error) => error.record?.id === both.canonical);
});

test("what caused it is put right, it is tried again, and is over", async () => {
  const both = await Both.make("acme", "customer", { company_name: "Lantern Lane", email: "l@example.com" });
  await refuses("extension");
  await both.editSuitex({ phone: "+31 20 555 0100 extension 47" });
  const error = await errorOf(both);
  await examine("error", `/review/errors/${error.id}`, { as: "rita" });

  const rita = await Visitor.named("rita");
  await rita.visit("/review/?account=acme&kind=errors");
  await rita.page.locator(`a[href="/review/errors/${error.id}"]`).click();
  await rita.page.getByRole("heading", { name: "What to do" }).waitFor();
  await both.editSuitex({ phone: "+31 20 555 0100" });
  await eventually("the edit is taken in", async () => (await both.record()).state.phone === "+31 20 555 0100");
  await rita.page.getByRole("button", { name: "Try again as it is" }).click();
  await rita.page.getByRole("heading", { name: "It is being tried again" }).waitFor();
  await rita.check("an error that is tried again");
  await rita.end();
  await eventually("the phone travels", async () => (await both.netsuite()).phone === "+31 20 555 0100");
  const audit = await ask("GET", "/review/api/v1/audit/acme?actor=rita@dev.example");
  assert.ok(audit.items.some((row) => row.action === "retry"), JSON.stringify(audit.items));
});

test("a value that can never be taken is set to another one by an admin, and the error tried again", async () => {
  const both = await Both.make("acme", "customer", { company_name: "Meadow Mills", email: "m@example.com" });
  await refuses("extension");
  await both.editSuitex({ phone: "+31 20 555 0199 extension 12" });
  const error = await errorOf(both);
  const ada = await Visitor.named("ada");
  await ada.visit(`/review/errors/${error.id}`);
  await ada.page.getByRole("link", { name: "Set another value" }).click();
  await ada.page.getByText("Set it, past every rule").click();
  await ada.page.getByRole("textbox", { name: "Value of Phone" }).fill("+31 20 555 0199");
  await ada.page.locator("#override-note").fill("NetSuite takes no extensions.");
  await ada.check("an override");
  await ada.shot("record-override");
  await ada.page.getByRole("button", { name: "Set it" }).click();
  await eventually("it is taken in", async () => (await both.record()).state.phone === "+31 20 555 0199");
  await ada.visit(`/review/errors/${error.id}`);
  await ada.page.getByRole("button", { name: "Try again as it is" }).click();
  await ada.page.getByRole("heading", { name: "It is being tried again" }).waitFor();
  await ada.end();
  await both.settled();
  assert.equal((await both.netsuite()).phone, "+31 20 555 0199");
  const { items } = await ask("GET", `/review/api/v1/errors?account=acme&open=true&limit=200`);
  assert.ok(!items.some((open) => open.id === error.id), "it is over");
  const history = await ask("GET", `${both.recordPath}/history`);
  assert.ok(history.items.some((row) => row.actor === "ada@dev.example"), JSON.stringify(history.items));
});
