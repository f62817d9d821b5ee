// People decide conflicts, in a real browser, and both systems hold what they decided.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PHONE, Visitor, close, open } from "./lib/browser.mjs";
import { Both, ask, eventually, world } from "./lib/world.mjs";

before(open);
after(close);

const customer = (name, more = {}) => Both.make("acme", "customer", { company_name: name, email: "office@example.com", ...more });

/** Opens a conflict from the inbox, as a person finds it. */
async function fromInbox(visitor, name) {
  await visitor.visit("/review/?account=acme");
  await visitor.page.getByRole("link", { name, exact: true }).click();
  await visitor.page.getByRole("heading", { level: 1, name }).waitFor();
}

/** The card of a field. */
const card = (visitor, field) => visitor.page.getByRole("group", { name: field, exact: true });

/** Waits until the page says that the conflict is over. */
const isOver = (visitor) => visitor.page.getByRole("heading", { level: 2, name: /^Decided/ }).waitFor({ timeout: 30_000 });

/** Nothing of the record is held any more, its version has gone up by that, and history and audit say who decided. */
async function isDecidedBy(both, email, version) {
  const record = await both.record();
  assert.deepEqual([record.version, record.lock.record, record.lock.fields, record.conflict], [version, false, [], undefined]);
  const history = await ask("GET", `${both.recordPath}/history`);
  const decided = history.items.filter((row) => row.source === "review");
  assert.deepEqual(decided.map((row) => [row.actor, row.version]), [[email, version]], JSON.stringify(history.items));
  const audit = await ask("GET", `/review/api/v1/audit/${both.account}?subject=${both.account}:${both.type}:${both.canonical}&limit=200`);
  assert.ok(audit.items.some((row) => row.action === "resolved" && row.actor === email), JSON.stringify(audit.items));
}

test("a conflict is found, read, decided; both sides hold the result, and history and audit say who", async () => {
  const both = await customer("Bakery Blom");
  await both.clash({ comments: "Ring twice." }, { comments: "Gate code 4711." });
  const { version, lock } = await both.record();
  assert.deepEqual(lock.fields, ["comments"]);

  const rita = await Visitor.named("rita");
  await fromInbox(rita, "Bakery Blom");
  const told = await card(rita, "Comments").innerText();
  assert.match(told, /Ring twice\./);
  assert.match(told, /Gate code 4711\./);
  await card(rita, "Comments").getByRole("radio", { name: /^SuiteX/ }).check();
  await eventually("the page tells what will be written", async () => /Ring twice\./.test(await rita.text("#writes section.netsuite")));
  await rita.page.getByLabel(/^Why/).fill("They called this morning.");
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await isOver(rita);
  await rita.check("decided");
  await rita.end();

  await both.settled();
  assert.equal((await both.suitex()).comments, "Ring twice.");
  assert.equal((await both.netsuite()).comments, "Ring twice.");
  await isDecidedBy(both, "rita@dev.example", version + 1);
});

test("a value that neither side has is typed, and written to both", async () => {
  const both = await customer("Cellar Croft");
  await both.clash({ comments: "left", phone: "+31 20 555 0001" }, { comments: "right" });
  const rita = await Visitor.named("rita");
  await fromInbox(rita, "Cellar Croft");
  await rita.page.getByRole("textbox", { name: "Another value for Comments" }).fill("left, then right");
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await isOver(rita);
  await rita.end();
  await both.settled();
  assert.equal((await both.suitex()).comments, "left, then right");
  assert.equal((await both.netsuite()).comments, "left, then right");
});

test("a low-risk field waits alone: the others flow while it is undecided", async () => {
  const both = await customer("Dairy Dunn");
  await both.clash({ comments: "a" }, { comments: "b" });
  await both.editSuitex({ phone: "+31 20 555 0199" });
  await eventually("the phone travels", async () => (await both.netsuite()).phone === "+31 20 555 0199");
  assert.equal((await both.netsuite()).comments, "b", "and the field that waits does not");
  const { lock } = await both.record();
  assert.deepEqual([lock.record, lock.fields], [false, ["comments"]], "nothing but that field is locked");
  const rita = await Visitor.named("rita");
  await fromInbox(rita, "Dairy Dunn");
  assert.match(await rita.text(".lede"), /Only what stands here waits/);
  await rita.check("a field that waits alone");
  await rita.shot("conflict-field-lock");
  const { version } = await both.record();
  await card(rita, "Comments").getByRole("radio", { name: /^NetSuite/ }).check();
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await isOver(rita);
  await rita.end();
  await both.settled();
  for (const side of [await both.suitex(), await both.netsuite()]) {
    assert.deepEqual([side.comments, side.phone], ["b", "+31 20 555 0199"], "both sides hold what was decided, and what flowed meanwhile");
  }
  await isDecidedBy(both, "rita@dev.example", version + 1);
});

test("an edit that comes while somebody decides is shown at once, and what was typed stays", async () => {
  const both = await customer("Ember Eats");
  const found = await both.clash({ comments: "one" }, { comments: "two" });
  const rita = await Visitor.named("rita");
  await fromInbox(rita, "Ember Eats");
  await rita.page.getByRole("textbox", { name: "Another value for Comments" }).fill("one and two");
  await both.editNetsuite({ comments: "three" });
  await rita.page.getByRole("heading", { name: "This has just changed" }).waitFor({ timeout: 30_000 });
  await rita.check("rebase notice");
  await rita.shot("conflict-rebase-notice");
  await eventually("the timeline tells of it", async () => /three/.test(await rita.text("[data-part=timeline]")));
  await rita.page.getByRole("button", { name: /Show what is new/ }).click();
  await eventually("the new value is shown", async () => /three/.test(await card(rita, "Comments").innerText()));
  assert.equal(await rita.page.getByRole("textbox", { name: "Another value for Comments" }).inputValue(), "one and two");
  const moved = await both.conflict((now) => now.conflictRevision > found.conflictRevision);
  assert.equal(moved.conflictId, found.conflictId, "it is the same conflict, moved on");
  const { version } = await both.record();
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await isOver(rita);
  await rita.end();
  await both.settled();
  for (const side of [await both.suitex(), await both.netsuite()]) assert.equal(side.comments, "one and two");
  await isDecidedBy(both, "rita@dev.example", version + 1);
  const history = await ask("GET", `${both.recordPath}/history`);
  assert.ok(JSON.stringify(history.items).includes("three"), "the edit that came meanwhile is in the history");
});

test("a stale tab cannot win: it is told so, and keeps what was typed", async () => {
  const both = await customer("Fern Farm");
  const found = await both.clash({ comments: "one" }, { comments: "two" });
  const rita = await Visitor.named("rita");
  await fromInbox(rita, "Fern Farm");
  // The tab hears of nothing any more.
  await rita.page.route("**/live?*", (route) => route.abort());
  rita.expected.push(/ERR_FAILED/, /status of 409/);
  await rita.page.getByRole("textbox", { name: "Another value for Comments" }).fill("typed with care");
  await rita.page.getByLabel(/^Why/).fill("because I say so");
  await both.editNetsuite({ comments: "three" });
  await both.conflict((now) => now.conflictRevision > found.conflictRevision);
  const answered = rita.page.waitForResponse((answer) => answer.url().endsWith("/resolve"));
  await rita.page.getByRole("button", { name: "Apply" }).click();
  assert.equal((await answered).status(), 409);
  await rita.page.getByRole("heading", { name: /moved on while you were deciding/ }).waitFor();
  assert.equal(await rita.page.getByRole("textbox", { name: "Another value for Comments" }).inputValue(), "typed with care");
  assert.equal(await rita.page.getByLabel(/^Why/).inputValue(), "because I say so");
  assert.match(await card(rita, "Comments").innerText(), /three/);
  await rita.check("the page of a stale tab");
  await rita.shot("conflict-409");
  assert.equal((await both.suitex()).comments, "one", "nothing was applied");
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await isOver(rita);
  await rita.end();
  await both.settled();
  assert.equal((await both.suitex()).comments, "typed with care");
});

test("a double click, a reload and the back button apply it once", async () => {
  const both = await customer("Grain Grove");
  await both.clash({ comments: "one" }, { comments: "two" });
  const { version } = await both.record();
  const rita = await Visitor.named("rita");
  await fromInbox(rita, "Grain Grove");
  await card(rita, "Comments").getByRole("radio", { name: /^NetSuite/ }).check();
  await rita.page.getByRole("button", { name: "Apply" }).dblclick();
  await isOver(rita);
  await rita.page.reload();
  await isOver(rita);
  await rita.page.goBack();
  await rita.page.goForward();
  await both.settled();
  assert.equal((await both.record()).version, version + 1);
  const history = await ask("GET", `${both.recordPath}/history`);
  assert.equal(history.items.filter((row) => row.source === "review").length, 1);
  await rita.end();
});

test("everything is done with keys alone", async () => {
  const both = await customer("Harbour Hall");
  await both.clash({ comments: "one", credit_limit: "10.00" }, { comments: "two", credit_limit: "20.00" });
  const rita = await Visitor.named("rita");
  const key = (name) => rita.page.keyboard.press(name);
  const focused = () => rita.page.evaluate(() => document.activeElement.textContent.trim());
  await rita.visit("/review/?account=acme&kind=conflicts");
  await eventually("it is found with j", async () => { await key("j"); return (await focused()) === "Harbour Hall"; }, 20_000);
  await key("Enter");
  await rita.page.getByRole("heading", { level: 1, name: "Harbour Hall" }).waitFor();
  await key("j");
  await key("2");
  assert.ok(await card(rita, "Comments").getByRole("radio", { name: /^NetSuite/ }).isChecked());
  await key("j");
  await key("e");
  await rita.page.keyboard.press("Control+a");
  await rita.page.keyboard.type("15.00");
  await key("Escape");
  await key("a");
  await key("Enter");
  await isOver(rita);
  await rita.end();
  await both.settled();
  assert.equal((await both.suitex()).comments, "two");
  assert.equal((await both.netsuite()).creditlimit, "15.00");
});

test("without scripts it can be decided all the same, on a phone", async () => {
  const both = await customer("Island Inn");
  const found = await both.clash({ comments: "one" }, { comments: "two" });
  const rita = await Visitor.named("rita", { javaScriptEnabled: false, viewport: PHONE });
  await rita.visit(`/review/conflicts/${found.conflictId}`);
  await card(rita, "Comments").getByRole("radio", { name: /^SuiteX/ }).check();
  await rita.page.getByRole("button", { name: "Preview" }).click();
  assert.match(await rita.text("#writes section.netsuite"), /one/);
  assert.ok(await card(rita, "Comments").getByRole("radio", { name: /^SuiteX/ }).isChecked(), "the choice is still there");
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await both.settled();
  assert.equal((await both.netsuite()).comments, "one");
  await rita.end();
});

test("what a field cannot take is said at the field, and nothing typed is lost", async () => {
  const both = await customer("Jetty Jones");
  const found = await both.clash({ credit_limit: "10.00" }, { credit_limit: "20.00" });
  const rita = await Visitor.named("rita");
  await rita.visit(`/review/conflicts/${found.conflictId}`);
  rita.expected.push(/status of 422/);
  assert.match(await rita.text(".lede"), /Nothing of this record is written/);
  await rita.page.getByRole("textbox", { name: "Another value for Credit limit" }).fill("a lot");
  await rita.page.getByRole("button", { name: "Apply" }).click();
  await rita.page.getByRole("heading", { name: "This cannot be applied yet" }).waitFor();
  assert.match(await card(rita, "Credit limit").getByRole("alert").innerText(), /decimal|number/i);
  assert.equal(await rita.page.getByRole("textbox", { name: "Another value for Credit limit" }).inputValue(), "a lot");
  await rita.check("a refused value");
  await rita.shot("conflict-422");
  await rita.end();
});

test("who may only look is offered nothing to press, and a post of theirs is refused", async () => {
  const both = await customer("Kiosk Keen");
  const found = await both.clash({ comments: "one" }, { comments: "two" });
  const vera = await Visitor.named("vera");
  await vera.visit(`/review/conflicts/${found.conflictId}`);
  assert.equal(await vera.page.getByRole("button", { name: "Apply" }).count(), 0);
  await vera.check("a conflict for a viewer");
  await vera.shot("conflict-viewer");
  const refused = await vera.context.request.post(`${world}/review/conflicts/${found.conflictId}/resolve`, {
    form: { revision: String(found.conflictRevision), "pick.comments": "suitex" },
    headers: { "Sec-Fetch-Site": "same-origin" },
  });
  assert.equal(refused.status(), 403);
  const gus = await Visitor.named("gus");
  await gus.visit(`/review/conflicts/${found.conflictId}`, 404);
  await gus.end();
  await vera.end();
});

test("a script in a customer's name is a name", async () => {
  const evil = `<script>window.owned=1</script><img src=x onerror=window.owned=1>`;
  const both = await customer(evil);
  const found = await both.clash({ comments: evil }, { comments: `"><svg onload=window.owned=1>` });
  const rita = await Visitor.named("rita");
  for (const at of ["/review/?account=acme", `/review/conflicts/${found.conflictId}`, `/review/records/acme/customer/${both.canonical}`]) {
    await rita.visit(at);
    assert.match(await rita.text("body"), /<script>window\.owned=1<\/script>/);
    assert.equal(await rita.page.evaluate(() => window.owned), undefined, at);
    await rita.check(`a script in a name, ${at}`);
  }
  await rita.end();
});
