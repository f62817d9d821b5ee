//! Mail, by SMTP. A connection for each mail: digests keep them few.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use shared::messenger::{Message, NotTaken};
use shared::runtime::env::Secret;
use tokio::time::timeout;

use crate::NotPossible;

/// Each step of the conversation is given so long,
const STEP_WITHIN: Duration = Duration::from_secs(10);

/// and all of it so long.
const SENT_WITHIN: Duration = Duration::from_secs(30);

/// What a server answers that does not let us in: sign in first (530), by another way (534, 538), not so (535).
const SIGN_IN: [u16; 4] = [530, 534, 535, 538];

/// A mail server, and the name that mails bear.
pub(crate) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mail {
    /// The mail server at this address.
    pub(crate) fn new(url: &Secret, from: &str) -> Result<Self, NotPossible> {
        let bad = |why: &str| NotPossible(why.to_string());
        let from = from.parse().map_err(|_| bad("SMTP_FROM is no mailbox: write Name <name@example.com>"))?;
        let text = url.expose();
        let is_near = ["smtp://127.0.0.1:", "smtp://localhost:"].iter().any(|near| text.starts_with(near));
        let is_safe = text.starts_with("smtps://") || text.ends_with("?tls=required");
        if !is_safe && !is_near {
            return Err(bad(
                "an address begins with smtps://, or with smtp:// and ends in ?tls=required: mail goes encrypted",
            ));
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(text);
        // The library's own words may repeat the address, and with it the password.
        let transport = transport.map_err(|_| bad("it is no address: smtps://user:password@host:465"))?;
        Ok(Self { transport: transport.timeout(Some(STEP_WITHIN)).build(), from })
    }

    /// Sends a mail. The same message again bears the same Message-ID: where it comes twice, it is recognised.
    pub(crate) async fn send(&self, to: &str, message: &Message) -> Result<(), NotTaken> {
        let refused = |why: String| NotTaken::Refused(why);
        let to: Address = to.parse().map_err(|_| refused("it is no address".into()))?;
        let at = UNIX_EPOCH + Duration::from_millis(message.at.0.max(0).unsigned_abs());
        let id = format!("<{}@{}>", message.id, self.from.email.domain());
        let mail = builder(at, id)
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|error| refused(error.to_string()))?;
        match timeout(SENT_WITHIN, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(not_taken(&error)),
            Err(_) => Err(NotTaken::Away("no answer in time".into())),
        }
    }
}

/// Whether mail can be sent there.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

fn builder(at: SystemTime, id: String) -> MessageBuilder {
    lettre::Message::builder().date(at).message_id(Some(id))
}

/// A server that answers with a refusal is there. One that does not let us sign in, has no time now, or does not answer
/// concerns everybody's mail.
fn not_taken(error: &SmtpError) -> NotTaken {
    let code = error.status().map(u16::from);
    match code {
        Some(code) if SIGN_IN.contains(&code) => NotTaken::Away(format!("we are not let in: {error}")),
        Some(500..=599) => NotTaken::Refused(error.to_string()),
        Some(_) | None => NotTaken::Away(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::id::Timestamp;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    fn message() -> Message {
        let (subject, text) = ("acme: ü × 3".to_string(), "one\n.\ntwo".to_string());
        Message { id: Uuid::from_u128(7), at: Timestamp(1_767_225_600_000), subject, text }
    }

    /// A server for one conversation, that answers RCPT so; what it was told.
    async fn serve(answer: &'static str) -> (Mail, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let mail = Mail::new(&Secret::new(url), "SuiteX Sync <sync@example.com>").unwrap();
        #[expect(clippy::disallowed_methods, reason = "a server of this test's own")]
        let told = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let (mut lines, mut told, mut in_data) = (BufReader::new(read).lines(), String::new(), false);
            write.write_all(b"220 here\r\n").await.unwrap();
            while let Some(line) = lines.next_line().await.unwrap() {
                told.push_str(&line);
                told.push('\n');
                let reply = match (in_data, &line[..4.min(line.len())]) {
                    (true, ".") => "250 taken\r\n",
                    (true, _) => continue,
                    (false, "RCPT") => answer,
                    (false, "DATA") => "354 go on\r\n",
                    (false, "QUIT") => break,
                    (false, _) => "250 yes\r\n",
                };
                in_data = reply.starts_with("354");
                write.write_all(reply.as_bytes()).await.unwrap();
            }
            told
        });
        (mail, told)
    }

    #[tokio::test]
    async fn a_mail_bears_its_id_and_date_and_survives_as_it_is() {
        let (mail, told) = serve("250 yes\r\n").await;
        mail.send("ann@example.com", &message()).await.unwrap();
        let told = told.await.unwrap();
        for line in [
            "RCPT TO:<ann@example.com>",
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>",
            "Date: Thu, 01 Jan 2026 00:00:00 +0000",
            "..",
        ] {
            assert!(told.lines().any(|told| told == line), "{line}\n{told}");
        }
        let from = told.lines().find(|line| line.starts_with("From: ")).expect("a sender");
        assert!(from.contains("SuiteX Sync") && from.ends_with("<sync@example.com>"), "{from}");
    }

    #[tokio::test]
    async fn a_refusal_is_the_recipients_and_silence_is_everybodys() {
        for (answer, is_away) in [
            ("550 no such mailbox\r\n", false),
            ("552 too large\r\n", false),
            ("421 closing\r\n", true),
            ("451 come again\r\n", true),
            ("530 sign in first\r\n", true),
            ("534 not by that way\r\n", true),
            ("535 wrong password\r\n", true),
        ] {
            let (mail, _) = serve(answer).await;
            let error = mail.send("bob@example.com", &message()).await.unwrap_err();
            assert_eq!(matches!(error, NotTaken::Away(_)), is_away, "{answer}: {error}");
        }
        let nobody = Mail::new(&Secret::new("smtp://127.0.0.1:1"), "sync@example.com").unwrap();
        assert!(matches!(nobody.send("ann@example.com", &message()).await, Err(NotTaken::Away(_))));
        assert!(matches!(nobody.send("ann", &message()).await, Err(NotTaken::Refused(_))));
    }
}
