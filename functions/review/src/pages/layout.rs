//! What every page has around it: who is looking, where to go, how much waits, and the keys. Pure.

use maud::{DOCTYPE, Markup, html};

use super::asset::{SCRIPT, SIGN, STYLE};
use super::words;

/// The parts of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Inbox,
    Records,
    Errors,
    Notices,
    Accounts,
    Audit,
}

impl Section {
    const ALL: [Section; 6] = [
        Section::Inbox,
        Section::Records,
        Section::Errors,
        Section::Notices,
        Section::Accounts,
        Section::Audit,
    ];

    fn name(self) -> &'static str {
        match self {
            Section::Inbox => "Inbox",
            Section::Records => "Records",
            Section::Errors => "Errors",
            Section::Notices => "Notices",
            Section::Accounts => "Accounts",
            Section::Audit => "Audit",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Section::Inbox => "/review/",
            Section::Records => "/review/records",
            Section::Errors => "/review/errors",
            Section::Notices => "/review/notices",
            Section::Accounts => "/review/accounts",
            Section::Audit => "/review/audit",
        }
    }

    /// The key that leads there.
    fn key(self) -> &'static str {
        match self {
            Section::Inbox => "i",
            Section::Records => "r",
            Section::Errors => "x",
            Section::Notices => "n",
            Section::Accounts => "c",
            Section::Audit => "u",
        }
    }
}

/// Who looks at a page, and what waits for them.
pub(super) struct Reader {
    /// Their name.
    pub(super) name: String,
    /// What they may do, in words.
    pub(super) role: String,
    /// People of development to be instead: value and name. Empty where people sign in.
    pub(super) others: Vec<(String, String)>,
    /// Which of them it is.
    pub(super) me: String,
    /// How much waits in the inbox; at most so much is counted.
    pub(super) waiting: u64,
}

/// A page's own part.
pub(super) struct Page<'a> {
    /// Its name.
    pub(super) title: &'a str,
    /// The part of the site it belongs to.
    pub(super) section: Section,
    /// Everything under the frame, with the page's `h1`.
    pub(super) body: Markup,
    /// Without scripts the page comes again after so many seconds: something is under way.
    pub(super) again_s: Option<u32>,
}

/// The whole page.
pub(super) fn frame(reader: &Reader, page: Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · SuiteX ↔ NetSuite Sync" }
                link rel="icon" href=(SIGN.path()) type="image/svg+xml";
                link rel="stylesheet" href=(STYLE.path());
                script src=(SCRIPT.path()) defer {}
                @if let Some(seconds) = page.again_s {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (development(reader))
                (top(reader, page.section))
                main id="main" tabindex="-1" data-again=[page.again_s] { (page.body) }
                footer.foot {
                    button type="button" hidden data-opens="#keys" { "Keys" kbd.keys-only aria-hidden="true" { "?" } }
                    span { "Times are in your own zone, or say UTC." }
                }
                p.sr id="say" role="status" aria-live="polite" {}
                (keys())
            }
        }
    }
}

fn development(reader: &Reader) -> Markup {
    if reader.others.is_empty() {
        return html! {};
    }
    html! {
        section.dev aria-label="Development identity" {
            strong { "Development identity" }
            span { "Nobody signs in here: whoever opens this page is " (reader.name) "." }
            form method="post" action="/review/as" {
                label for="as" { "Be" }
                select id="as" name="as" data-submits {
                    @for (value, name) in &reader.others {
                        option value=(value) selected[*value == reader.me] { (name) }
                    }
                }
                // With scripts the choice itself is enough.
                noscript { button { "Switch" } }
            }
        }
    }
}

fn top(reader: &Reader, here: Section) -> Markup {
    html! {
        header.top {
            a.brand href="/review/" { span.x { "SuiteX" } " ↔ " span.n { "NetSuite" } " Sync" }
            nav aria-label="Parts" {
                ul {
                    @for section in Section::ALL {
                        li {
                            a href=(section.path()) data-key=(section.key())
                                aria-current=[(section == here).then_some("page")] {
                                (section.name())
                                @if section == Section::Inbox && reader.waiting > 0 {
                                    span.count {
                                        (words::grouped(reader.waiting)) span.sr { " waiting" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            span.who { (reader.name) @if !reader.role.is_empty() { " · " (reader.role) } }
        }
    }
}

/// The keys, for who asks.
const KEYS: [(&str, &str); 13] = [
    ("j k", "next, previous"),
    ("Enter", "open"),
    ("1", "take SuiteX’s value"),
    ("2", "take NetSuite’s value"),
    ("3", "take the suggestion"),
    ("Shift 1 2 3", "the same for every field that is left"),
    ("e", "type another value; Esc leaves the box"),
    ("p", "what will be written"),
    ("a", "to the button that applies; Enter presses it"),
    ("/", "to the search"),
    ("i r x", "inbox, records, errors"),
    ("n c u", "notices, accounts, audit"),
    ("?", "these keys"),
];

fn keys() -> Markup {
    html! {
        dialog id="keys" aria-labelledby="keys-head" {
            h2 id="keys-head" { "Keys" }
            dl {
                @for (keys, told) in KEYS {
                    dt { @for key in keys.split(' ') { kbd { (key) } " " } }
                    dd { (told) }
                }
            }
            p { label.flow { input type="checkbox" id="keys-off"; " Single keys do nothing" } }
            form method="dialog" { button { "Close" } }
        }
    }
}
