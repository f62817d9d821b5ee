//! What a message says. Pure.

use std::fmt::Write;

use shared::messenger::Message;
use shared::state::Notice;
use shared::state::deliveries::{Channel, Claimed};
use shared::state::notices::{Severity, Topic};

use crate::Links;

/// Notices that a digest spells out.
pub(crate) const SPELLED_OUT: usize = 20;

/// Longest text of one notice in a message, in characters.
const TEXT_MAX: usize = 2_000;

/// Longest list of notices that a channel shows whole, in characters; what stands around it has room beside it.
fn list_max(channel: Channel) -> usize {
    match channel {
        Channel::Email => SPELLED_OUT * (TEXT_MAX + 500),
        Channel::Slack => 2_800,
    }
}

/// The message of a delivery.
pub(crate) fn message(claimed: &Claimed, links: &Links) -> Message {
    let delivery = &claimed.delivery;
    let (account, topic) = (&delivery.account, delivery.topic);
    let subject = match &claimed.first[..] {
        [one] if delivery.notices <= 1 => format!("{}{account}: {}", mark(one.severity), headline(topic)),
        _ => format!("{}{account}: {} × {}", mark(topic.severity()), delivery.notices, headline(topic)),
    };
    let mut text = String::new();
    let (mut told, mut room) = (0, list_max(delivery.to.channel));
    for notice in &claimed.first {
        let line = match delivery.notices {
            0 | 1 => format!("{}\n\n", one_notice(notice, links)),
            _ => format!("- {}  {}\n", notice.at, one_notice(notice, links)),
        };
        // A notice is told whole, or counted; the first has room always.
        let length = line.chars().count();
        if told > 0 && length > room {
            break;
        }
        text.push_str(&line);
        (told, room) = (told + 1, room.saturating_sub(length));
    }
    let rest = (delivery.notices as usize).saturating_sub(told);
    // Writing to a string cannot fail.
    if rest > 0 {
        let _ = writeln!(text, "\n… and {rest} more.");
    }
    let _ = match delivery.notices {
        0 | 1 => Ok(()),
        _ => writeln!(text, "\nAll of them: {}/review/notices?account={account}", links.pages),
    };
    let runbook = match &links.runbooks {
        Some(base) => format!("{base}/{}.md", topic.as_str()),
        None => topic.runbook(),
    };
    let _ = write!(text, "What to do: {runbook}");
    Message { id: delivery.id, at: delivery.created_at, subject, text }
}

fn one_notice(notice: &Notice, links: &Links) -> String {
    let mut text: String =
        notice.text.chars().take(TEXT_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if notice.text.chars().nth(TEXT_MAX).is_some() {
        text.push('…');
    }
    match &notice.link {
        Some(link) => format!("{text}\n  {}{link}", links.pages),
        None => text,
    }
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "URGENT ",
        Severity::Warning | Severity::Info => "",
    }
}

fn headline(topic: Topic) -> &'static str {
    match topic {
        Topic::Auth => "NetSuite refuses our credentials",
        Topic::Backlog => "changes are waiting too long",
        Topic::ConflictSurge => "unusually many conflicts",
        Topic::Inbox => "conflicts wait for a decision",
        Topic::Refusals => "many records are refused for one reason",
        Topic::Error => "an error needs a person",
        Topic::Ambiguous => "which records belong together?",
        Topic::Brake => "a mass change is held back",
        Topic::SlaNear => "a decision is due soon",
        Topic::SlaPast => "a decision is overdue",
        Topic::Escalated => "a decision is still overdue",
        Topic::Held => "writing was stopped until somebody decides",
        Topic::Delivery => "notices do not get through",
        Topic::Recovered => "it is over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::id::{AccountId, Timestamp};
    use shared::state::deliveries::{Channel, Delivery, Recipient, Standing};
    use uuid::Uuid;

    fn claimed(topic: Topic, notices: u32, text: &str) -> Claimed {
        let acme = AccountId::parse("acme").unwrap();
        let notice = |n: u32| Notice::new(&acme, topic, format!("error:{n}"), "", text, Timestamp(0));
        let delivery = Delivery {
            id: Uuid::from_u128(7),
            account: acme.clone(),
            to: Recipient { channel: Channel::Slack, name: "ops".into() },
            topic,
            notices,
            standing: Standing::Due,
            due_at: Timestamp(0),
            attempts: 1,
            created_at: Timestamp(0),
            failure: None,
        };
        Claimed { delivery, first: (0..notices.min(SPELLED_OUT as u32)).map(notice).collect() }
    }

    fn links(runbooks: Option<&str>) -> Links {
        Links { pages: "https://sync.example.com".into(), runbooks: runbooks.map(str::to_string) }
    }

    #[test]
    fn one_notice_says_what_where_and_what_to_do() {
        let message = message(&claimed(Topic::Auth, 1, "acme: no"), &links(None));
        assert_eq!(message.subject, "URGENT acme: NetSuite refuses our credentials");
        let text = "acme: no\n  https://sync.example.com/review/errors/0\n\nWhat to do: runbooks/auth.md";
        assert_eq!(message.text, text);
        assert_eq!(message.id, Uuid::from_u128(7), "known again when it comes twice");
    }

    #[test]
    fn a_digest_counts_spells_out_the_first_and_links_to_the_rest() {
        let message =
            message(&claimed(Topic::Error, 1_000, "no"), &links(Some("https://docs.example.com/runbooks")));
        assert_eq!(message.subject, "acme: 1000 × an error needs a person");
        assert_eq!(message.text.matches("\n  https://sync.example.com/review/errors/").count(), SPELLED_OUT);
        assert!(
            message.text.contains("… and 980 more.\n\nAll of them: https://sync.example.com/review/notices")
        );
        assert!(message.text.ends_with("What to do: https://docs.example.com/runbooks/error.md"));
    }

    #[test]
    fn a_digest_in_a_chat_tells_whole_notices_and_counts_the_rest() {
        let links = links(None);
        let long = claimed(Topic::Error, 30, &"<&>".repeat(300));
        let chat = message(&long, &links);
        assert_eq!(chat.text.matches("\n  https://sync.example.com/review/errors/").count(), 2);
        assert!(chat.text.contains("\n\n… and 28 more.\n\nAll of them: https://"), "{}", chat.text);
        assert!(chat.text.ends_with("What to do: runbooks/error.md"));
        let mut mail = long;
        mail.delivery.to.channel = Channel::Email;
        assert!(message(&mail, &links).text.contains("… and 10 more."), "a mail has room for more");
    }

    #[test]
    fn nothing_that_a_record_holds_breaks_the_message() {
        let text = format!("Bcc: all@example.com\r\n\r\n<script>{}", "x".repeat(5_000));
        let message = message(&claimed(Topic::Error, 1, &text), &links(None));
        assert!(!message.text.contains('\r') && message.text.len() < 2_500);
        assert!(!message.subject.contains(['\r', '\n']));
    }
}
