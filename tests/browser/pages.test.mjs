// Every page at both widths: no error, no overflow, nothing that axe finds, at most 100 KB; and a picture of each.

import { after, before, test } from "node:test";
import { Visitor, close, examine, open } from "./lib/browser.mjs";
import { Both, ambiguous, ask, eventually, refuses } from "./lib/world.mjs";

let calm, torn, gone, error, question;

before(async () => {
  await open();
  const make = (name, more = {}) => Both.make("acme", "customer", { company_name: name, email: "hello@example.com", ...more });
  [calm, torn, gone] = await Promise.all([
    make("Northwind Traders", { phone: "+31 20 555 0100", tags: ["retail", "net30"], street: "12 Harbour Street", city: "Rotterdam" }),
    make("Maple & Moss Interiors", { comments: "Deliver to the back door. Ring twice.", credit_limit: "5000.00" }),
    make("Quiet Quarry"),
  ]);
  await calm.editNetsuite({ phone: "+31 20 555 0177" });
  await torn.clash(
    { comments: "Deliver to the back door. Ring once, then wait.", credit_limit: "7500.00" },
    { comments: "Deliver to the front door. Ring twice.", credit_limit: "6000.00" },
  );
  await torn.editSuitex({ comments: "Deliver to the back door. Ring once, then wait for Ann." }, "sofia");
  await torn.conflict((found) => found.conflictRevision > 1);
  // Deleted on one side, edited on the other.
  await Promise.all([gone.editSuitex({ phone: "1" }), ask("DELETE", gone.netsuitePath)]);
  await gone.conflict((found) => found.deletedBy);
  await calm.settled();
  question = await ambiguous("Twin Timber", ["Twin Timber North", "Twin Timber South"]);
  await refuses("extension");
  await calm.editSuitex({ phone: "+31 20 555 0100 extension 47" });
  error = await eventually("there is an error", async () => {
    const { items } = await ask("GET", "/review/api/v1/errors?account=acme&open=true");
    return items.find((one) => one.record?.id === calm.canonical);
  });
});
after(close);

test("the inbox", () => examine("inbox", "/review/"));
test("the inbox of one account", () => examine("inbox-account", "/review/?account=acme&kind=conflicts"));
test("an inbox with nothing in it", () => examine("inbox-empty", "/review/?account=acme&assignee=nobody@example.com"));
test("a conflict", async () => {
  const { conflictId } = await torn.conflict();
  await examine("conflict", `/review/conflicts/${conflictId}`, { as: "rita" });
});
test("a conflict with choices made", async () => {
  const { conflictId } = await torn.conflict();
  await examine("conflict-chosen", `/review/conflicts/${conflictId}`, {
    as: "rita",
    before: async ({ page }) => {
      const pick = (field, name) => page.getByRole("group", { name: field, exact: true }).getByRole("radio", { name }).check();
      await pick("Comments", /^SuiteX/);
      await pick("Credit limit", /^NetSuite/);
      await page.locator("#writes section.netsuite").waitFor();
    },
  });
});
test("a conflict about a record that one side deleted", async () => {
  const { conflictId } = await gone.conflict();
  await examine("conflict-deleted", `/review/conflicts/${conflictId}`, { as: "rita" });
});
test("in the dark", async () => {
  const { conflictId } = await torn.conflict();
  await examine("conflict-dark", `/review/conflicts/${conflictId}`, { as: "rita", colorScheme: "dark" });
  await examine("inbox-dark", "/review/", { colorScheme: "dark" });
});
test("records", () => examine("records", "/review/records?account=acme"));
test("a search that finds nothing", () => examine("records-none", "/review/records?q=nothing-like-this"));
test("a record", () => examine("record", `/review/records/acme/customer/${calm.canonical}`));
test("a record, why a field is what it is", () => examine("record-why", `/review/records/acme/customer/${calm.canonical}?why=phone`));
test("a record as it was", () => examine("record-as-of", `/review/records/acme/customer/${calm.canonical}?as_of=1`));
// Nothing answers a question but a person: it is open in every picture.
const asks = { before: ({ page }) => page.locator(`a[href="/review/ambiguous/${question.ambiguityId}"]`).waitFor() };
const isOpen = { before: ({ page }) => page.getByText("somebody must say").waitFor() };
test("questions who is who", () => examine("ambiguous-list", "/review/ambiguous", asks));
test("the inbox's questions", () => examine("inbox-ambiguous", "/review/?kind=ambiguous", asks));
test("a question who is who", () => examine("ambiguous", `/review/ambiguous/${question.ambiguityId}`, { as: "rita", ...isOpen }));
test("a question in the dark", () => examine("ambiguous-dark", `/review/ambiguous/${question.ambiguityId}`, { as: "rita", colorScheme: "dark", ...isOpen }));
test("a question for who may only look", () => examine("ambiguous-viewer", `/review/ambiguous/${question.ambiguityId}`, { as: "vera", ...isOpen }));
test("notices", () => examine("notices", "/review/notices", { as: "rita" }));
test("all notices of an account", () => examine("notices-all", "/review/notices?account=acme&all=1"));
test("errors", () => examine("errors", "/review/errors?account=acme"));
test("an error", () => examine("error-open", `/review/errors/${error.id}`, { as: "rita" }));
test("an error whose forms are open", () => examine("error-forms", `/review/errors/${error.id}`, {
  as: "rita",
  before: async ({ page }) => {
    for (const summary of await page.locator("main details > summary").all()) await summary.click();
  },
}));
test("accounts", () => examine("accounts", "/review/accounts"));
test("the audit", () => examine("audit", "/review/audit?account=acme"));
test("deciding many", () => examine("bulk", "/review/bulk?account=acme&rule=suitex_wins&plan=1"));
test("no such page", () => examine("nowhere", "/review/nowhere", { status: 404 }));
test("somebody else's account", () => examine("not-yours", `/review/records/acme/customer/${calm.canonical}`, { as: "gus", status: 404 }));
test("somebody unknown", () => examine("unknown", "/review/", { as: "mallory", status: 401 }));

test("the keys are shown for who asks", async () => {
  const ada = await Visitor.named("ada");
  await ada.visit("/review/");
  await ada.page.keyboard.press("?");
  await ada.page.getByRole("dialog", { name: "Keys" }).waitFor();
  await ada.check("the keys");
  await ada.shot("keys");
  await ada.page.keyboard.press("Escape");
  await ada.end();
});

test("in development, one is somebody else in two clicks", async () => {
  const ada = await Visitor.named("ada");
  await ada.visit("/review/");
  await ada.page.getByLabel("Be").selectOption({ label: "Vera Viewer" });
  await ada.page.getByText(/whoever opens this page is Vera Viewer/).waitFor();
  await ada.end();
});
