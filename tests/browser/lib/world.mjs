// The world under test: both systems, edited as their people edit them, over HTTP.

const URL = process.env.REVIEW_WORLD;
if (!URL) throw new Error("REVIEW_WORLD must be the address of a running world: cargo run, or suitex-sync up --real");

/** The world's address, without a slash at its end. */
export const world = URL.replace(/\/$/, "");

/** Longest wait for anything that a person would wait for, in ms. */
export const SOON = 60_000;

/** Asks; answers JSON. Throws what was answered when it is no success. */
export async function ask(method, path, body) {
  const sends = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await fetch(`${world}${path}`, { method, ...sends });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Like ask, but null when it is no success. */
export const look = (path) => ask("GET", path).catch(() => null);

/** Waits until `is` answers something true, which is answered. */
export async function eventually(what, is, within = SOON) {
  const until = Date.now() + within;
  for (;;) {
    const found = await is();
    if (found) return found;
    if (Date.now() > until) throw new Error(`not in time: ${what}`);
    await new Promise((go) => setTimeout(go, 100));
  }
}

/** Has acme's NetSuite refuse phone numbers with this in them, as a workflow of its own would. */
export const refuses = (text) => ask("POST", "/control/faults", {
  account: "acme",
  netsuite: { behaviours: { "customer.phone": { refuse_containing: text } } },
});

/** A customer of SuiteX's of whom NetSuite has several, none of which anybody has told of; answers the question that comes of it. */
export async function ambiguous(name, others) {
  const email = `${name.toLowerCase().replace(/[^a-z]+/g, ".")}@example.com`;
  for (const [n, companyname] of others.entries()) {
    await ask("POST", "/netsuite/acme/ui/customer?user_event=off", { companyname, email, phone: `+31 20 555 04${10 + n}` });
  }
  const made = await ask("POST", "/suitex/acme/records/customer", { company_name: name, email, city: "Utrecht" });
  const record = await eventually(`${name} is known`, () => look(`/review/api/v1/records/acme/customer/suitex:${made.id}`));
  return eventually(`it is asked which ${name} is`, async () => {
    const { items } = await ask("GET", "/review/api/v1/ambiguous?account=acme&limit=200");
    const asked = items.find((one) => one.recordId === record.id);
    return asked && { ...asked, suitex: made.id };
  });
}

/** How each type is called where its people edit it. */
const NETSUITE = { customer: "customer", item: "inventoryitem", salesorder: "salesorder" };

/** Fields that NetSuite knows by another name. */
const NAMES = { company_name: "companyname", credit_limit: "creditlimit", price: "baseprice" };

const named = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [NAMES[name] ?? name, value]));

/** A record that both sides have. */
export class Both {
  constructor(account, type, suitex, netsuite, canonical) {
    Object.assign(this, { account, type, canonical, id: suitex });
    this.suitexPath = `/suitex/${account}/records/${type}/${suitex}`;
    this.netsuitePath = `/netsuite/${account}/ui/${NETSUITE[type]}/${netsuite}`;
    this.recordPath = `/review/api/v1/records/${account}/${type}/${canonical}`;
  }

  /** Makes one in SuiteX and waits until NetSuite has it too. */
  static async make(account, type, values, user = "sam") {
    const made = await ask("POST", `/suitex/${account}/records/${type}?user=${user}`, values);
    return Both.of(account, type, made.id);
  }

  /** The one with this id in SuiteX, once both sides have it and all is quiet. */
  static async of(account, type, id) {
    const path = `/review/api/v1/records/${account}/${type}/suitex:${id}`;
    const record = await eventually(`${type} ${id} is on both sides`, async () => {
      const shown = await look(path);
      return shown?.ids?.netsuite && shown.status === "in_sync" ? shown : null;
    });
    return new Both(account, type, id, record.ids.netsuite, record.id);
  }

  editSuitex(values, user = "sam") {
    return ask("PATCH", `${this.suitexPath}?user=${user}`, values);
  }

  /** By our names. */
  editNetsuite(values, user = "nina") {
    return ask("PATCH", `${this.netsuitePath}?user=${user}`, named(values));
  }

  suitex() {
    return ask("GET", this.suitexPath);
  }

  netsuite() {
    return ask("GET", this.netsuitePath);
  }

  record() {
    return ask("GET", this.recordPath);
  }

  /** Has both sides changed at once; answers the conflict that comes of it. */
  async clash(suitex, netsuite) {
    await Promise.all([this.editSuitex(suitex), this.editNetsuite(netsuite)]);
    const both = Object.keys(suitex).filter((name) => name in netsuite);
    return this.conflict((found) => both.every((name) => name in found.fields));
  }

  /** The record's conflict, once it is as wanted. */
  conflict(wanted = () => true) {
    return eventually(`${this.type} ${this.id} is in conflict`, async () => {
      const { conflict } = await this.record();
      return conflict && wanted(conflict) ? conflict : null;
    });
  }

  /** Waits until nothing is open about it. */
  settled() {
    return eventually(`${this.type} ${this.id} is in sync`, async () => {
      const shown = await this.record();
      return shown.status === "in_sync" ? shown : null;
    });
  }
}
