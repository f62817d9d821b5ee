// The review pages work without this file. It adds: times in the reader's zone, keys, what is new without reloading,
// a look at what will be written, and drafts that survive a closed tab's reload.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const store = (kind) => { try { return window[kind]; } catch { return null; } };
  const say = (text) => { const at = one("#say"); if (at && at.textContent !== text) at.textContent = text; };

  // ---- times -----------------------------------------------------------------------------------------------
  const near = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const far = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const DAY = 86400000;
  // As the server says it: see words.rs.
  function span(ms) {
    const minutes = Math.floor(Math.abs(ms) / 60000);
    if (minutes < 1) return "less than a minute";
    if (minutes < 60) return `${minutes} min`;
    if (minutes < 2880) return minutes < 600 && minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
    return `${Math.floor(minutes / 1440)} days`;
  }
  function times(root = document) {
    const now = Date.now();
    for (const el of all("time[data-kind]", root)) {
      const at = new Date(el.dateTime), left = at - now;
      if (Number.isNaN(left)) continue;
      const text = { at: (Math.abs(left) < 6 * DAY ? near : far).format(at), ago: `${span(left)} ago`, due: left < 0 ? `past by ${span(left)}` : `due in ${span(left)}`, in: left < 0 ? "now" : `in ${span(left)}` }[el.dataset.kind];
      if (text && el.textContent !== text) el.textContent = text;
      el.title = `${exact.format(at)} (${el.dateTime})`;
    }
  }
  times();
  setInterval(times, 20000);

  // ---- what is new -----------------------------------------------------------------------------------------
  // A fragment holds parts by name; each takes the place of the part of that name, unless it is the same.
  function show(html) {
    const fragment = new DOMParser().parseFromString(html, "text/html");
    for (const part of all("[data-part]", fragment)) {
      const old = one(`[data-part="${CSS.escape(part.dataset.part)}"]`);
      if (!old || old.dataset.text === part.innerHTML) continue;
      const text = part.innerHTML, had = new Set(all("[data-id]", old).map((el) => el.dataset.id));
      const first = old.dataset.text === undefined && had.size === 0;
      for (const el of all("[data-id]", part)) if (!first && !had.has(el.dataset.id)) el.classList.add("new");
      old.replaceChildren(...part.childNodes);
      old.dataset.text = text;
      times(old);
      if (part.dataset.say) say(part.dataset.say);
    }
  }
  const again = () => { for (const el of all("[data-again]")) setTimeout(() => location.reload(), Number(el.dataset.again) * 1000); };
  for (const el of all("[data-live]")) {
    let tag = "", wait = 3000;
    // What is under way must not look so for ever because nothing tells of its end.
    const lost = () => { wait = Math.min(wait * 2, 60000); again(); };
    const look = async () => {
      if (!document.hidden) {
        try {
          const answer = await fetch(el.dataset.live, { headers: tag ? { "If-None-Match": tag } : {}, credentials: "same-origin" });
          if (answer.status === 200) { tag = answer.headers.get("ETag") || ""; show(await answer.text()); }
          if (answer.headers.get("X-Over")) location.replace(answer.headers.get("X-Over"));
          if (answer.ok || answer.status === 304) wait = 3000; else lost();
        } catch { lost(); }
      }
      setTimeout(look, wait);
    };
    setTimeout(look, Number(el.dataset.after) || wait);
  }

  // What is under way is looked at again, where nothing tells that it is over.
  if (!one("[data-live]")) again();

  // ---- forms: once is enough -------------------------------------------------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
    for (const button of all("[aria-busy]")) button.removeAttribute("aria-busy");
  });
  for (const field of all("[data-submits]")) field.addEventListener("change", () => field.form.requestSubmit());

  // ---- drafts ----------------------------------------------------------------------------------------------
  const drafts = store("sessionStorage");
  const typed = (form) => all("input, textarea, select", form).filter((el) => el.name && el.type !== "hidden");
  // What was typed before the conflict moved on: the server shows what is new around it.
  function draftOfOld(form, kept, restore) {
    const told = one(form.dataset.draftOld);
    if (!told) return;
    told.hidden = false;
    one("button", told).addEventListener("click", () => {
      restore(kept.values);
      one("input[name=revision]", form).value = kept.revision;
    });
    say("You had typed something here before this changed.");
  }
  for (const form of all("form[data-draft]")) {
    const key = `draft:${form.dataset.draft}`;
    const { revision = "", since } = form.dataset;
    let kept = null;
    try { kept = drafts && !("kept" in form.dataset) ? JSON.parse(drafts.getItem(key)) : null; } catch { kept = null; }
    const restore = (values) => {
      let restored = 0;
      for (const el of typed(form)) {
        const value = values[el.name];
        if (value === undefined) continue;
        if (el.type === "radio" || el.type === "checkbox") { if (el.checked !== (el.value === value)) { el.checked = el.value === value; restored += el.checked; } }
        else if (el.value !== value) { el.value = value; restored += 1; }
      }
      return restored;
    };
    // Of another state than the page shows, it would be put over what nobody has seen: the page that tells what has
    // changed since takes it instead.
    const isOf = (one) => one !== undefined && String(kept.revision) === one;
    if (kept && kept.values && (isOf(revision) || isOf(since))) {
      if (restore(kept.values)) say("What you had chosen and typed here is back.");
    } else if (kept && kept.values && form.dataset.draftOld) draftOfOld(form, kept, restore);
    const keep = () => {
      const values = {};
      for (const el of typed(form)) if (el.type === "radio" || el.type === "checkbox" ? el.checked : el.value !== el.defaultValue || el.tagName === "SELECT") values[el.name] = el.value;
      try { if (drafts) drafts.setItem(key, JSON.stringify({ revision, values })); } catch { /* full: a draft is a convenience */ }
    };
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
    if ("kept" in form.dataset) keep();
  }
  for (const el of all("[data-draft-over]")) {
    const key = `draft:${el.dataset.draftOver}`, unsent = one("[data-draft-unsent]");
    let kept = null;
    try { kept = drafts && JSON.parse(drafts.getItem(key)); } catch { kept = null; }
    const told = Object.entries((kept && kept.values) || {}).filter(([name, value]) => value && name !== "revision");
    if ("draftMine" in el.dataset || !unsent || !told.length) { if (drafts) drafts.removeItem(key); continue; }
    // Somebody else was first: nothing that was typed goes without being shown.
    for (const [name, value] of told) {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = name.replace(/^(pick|value)\./, "").replaceAll("_", " ");
      dd.textContent = value;
      one("dl", unsent).append(dt, dd);
    }
    unsent.hidden = false;
    one("button", unsent).addEventListener("click", () => { drafts.removeItem(key); unsent.hidden = true; });
  }

  // ---- deciding --------------------------------------------------------------------------------------------
  const decide = one("form[data-decide]");
  const clashes = decide ? all(".clash", decide) : [];
  if (decide) {
    const picked = (clash) => one("input[type=radio]:checked", clash);
    let timer = 0, round = 0;
    const preview = async () => {
      const mine = ++round;
      try {
        const answer = await fetch(decide.dataset.decide, { method: "POST", body: new URLSearchParams(new FormData(decide)), credentials: "same-origin" });
        const text = await answer.text();
        if (mine === round && (answer.headers.get("Content-Type") || "").startsWith("text/html")) show(text);
      } catch { /* the button to preview is still there */ }
    };
    const count = () => {
      const rest = one("input[name=choice]:checked", decide);
      let open = 0;
      for (const clash of clashes) {
        const done = Boolean(picked(clash)) || Boolean(rest && rest.value && !("own" in clash.dataset));
        clash.classList.toggle("decided", done);
        open += !done;
      }
      const text = open === 0 ? "Everything is decided." : `${open} of ${clashes.length} still to decide.`;
      const at = one("[data-open]", decide);
      if (at && at.textContent !== text) at.textContent = text;
      return open;
    };
    const changed = () => { count(); clearTimeout(timer); timer = setTimeout(preview, 300); };
    decide.addEventListener("change", changed);
    decide.addEventListener("input", (event) => {
      const box = event.target.closest(".pick.edit");
      if (box && event.target.type !== "radio") one("input[type=radio]", box).checked = true;
      changed();
    });
    if (count() < clashes.length) preview();
  }

  // ---- keys ------------------------------------------------------------------------------------------------
  const settings = store("localStorage");
  const help = one("#keys");
  const off = one("#keys-off");
  const isOff = () => Boolean(settings && settings.getItem("keys") === "off");
  if (off) {
    off.checked = isOff();
    off.addEventListener("change", () => { if (settings) settings.setItem("keys", off.checked ? "off" : "on"); });
  }
  for (const button of all("[data-opens]")) {
    button.hidden = false;
    button.addEventListener("click", () => one(button.dataset.opens).showModal());
  }
  const rows = () => (clashes.length ? clashes : all("[data-rows] > li"));
  const target = (row) => (clashes.length ? row : one("a, button", row));
  function move(by) {
    const list = rows();
    if (!list.length) return;
    const at = list.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
    const el = target(list[next]);
    if (el) el.focus({ preventScroll: true });
    list[next].scrollIntoView({ block: "nearest" });
  }
  const current = () => clashes.find((clash) => clash.contains(document.activeElement)) || (clashes.length === 1 ? clashes[0] : null);
  function pick(value) {
    const clash = current() || clashes.find((each) => !each.classList.contains("decided"));
    const radio = clash && (one(`input[type=radio][value="${value}"]`, clash) || (value === "suggested" && one("input[data-suggested]", clash)));
    if (!radio) return;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    if (value === "edit") {
      const box = one(".pick.edit textarea, .pick.edit select, .pick.edit input:not([type=radio])", clash);
      if (box) { box.focus(); if (box.select) box.select(); }
    } else clash.focus({ preventScroll: true });
  }
  function whole(value) {
    const radio = decide && one(`input[name=choice][value="${value}"]`, decide);
    if (radio) { radio.checked = true; radio.dispatchEvent(new Event("change", { bubbles: true })); radio.focus(); }
  }
  const go = (selector) => { const el = one(selector); if (el) { el.focus(); el.scrollIntoView({ block: "nearest" }); } };
  const visit = (name) => { const link = one(`.top a[data-key="${name}"]`); if (link) link.click(); };
  const SIDES = { 1: "suitex", 2: "netsuite", 3: "suggested" };
  document.addEventListener("keydown", (event) => {
    const el = event.target;
    const writes = el.closest("textarea, select, input:not([type=radio]):not([type=checkbox])");
    if (event.key === "Escape" && writes) {
      const clash = el.closest(".clash");
      el.blur();
      if (clash) clash.focus();
      return;
    }
    if (writes || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || (help && help.open) || isOff()) return;
    const digit = /^Digit([123])$/.exec(event.code);
    const keys = {
      j: () => move(1), k: () => move(-1), "?": () => help && help.showModal(), "/": () => go("[data-search]"),
      i: () => visit("i"), r: () => visit("r"), x: () => visit("x"), n: () => visit("n"), c: () => visit("c"), u: () => visit("u"),
      e: () => pick("edit"), a: () => go("[data-apply]"), p: () => go("#writes"),
    };
    let act = keys[event.key];
    if (digit && decide) act = () => (event.shiftKey ? whole : pick)(SIDES[digit[1]]);
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
