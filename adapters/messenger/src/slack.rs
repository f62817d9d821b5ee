//! Chat, by Slack's incoming webhooks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use shared::messenger::{Message, NotTaken};
use shared::runtime::env::Secret;

/// A webhook answers within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Longest text that Slack shows whole, in characters, as it is written for it.
const TEXT_MAX: usize = 3_900;

/// What stands in place of what has no room.
const CUT: &str = "\n… The rest is in the pages.";

/// Webhooks by name.
pub(crate) struct Slack {
    http: reqwest::Client,
    webhooks: BTreeMap<String, Secret>,
}

impl Slack {
    /// These webhooks.
    pub(crate) fn new(http: reqwest::Client, webhooks: BTreeMap<String, Secret>) -> Self {
        Self { http, webhooks }
    }

    /// Whether there is a webhook of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.webhooks.contains_key(name)
    }

    /// Posts a message.
    pub(crate) async fn send(&self, name: &str, message: &Message) -> Result<(), NotTaken> {
        let Some(url) = self.webhooks.get(name) else {
            return Err(NotTaken::Refused(format!("SLACK_WEBHOOKS gives no address for {name}")));
        };
        let request =
            self.http.post(url.expose()).timeout(ANSWER_WITHIN).json(&json!({ "text": text(message) }));
        // The address is a password: it is in no error.
        let away = |error: reqwest::Error| NotTaken::Away(error.without_url().to_string());
        let response = request.send().await.map_err(away)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let words: String = response.text().await.unwrap_or_default().chars().take(200).collect();
        let why = format!("{status} {words}");
        match status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            true => Err(NotTaken::Away(why)),
            false => Err(NotTaken::Refused(why)),
        }
    }
}

/// Slack reads `&`, `<` and `>` as its own: as text they are written otherwise, so that nothing in a record can call a
/// channel or pose as a link.
fn text(message: &Message) -> String {
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = format!("*{}*", plain(&message.subject));
    let mut room = TEXT_MAX.saturating_sub(text.chars().count() + CUT.chars().count());
    for line in message.text.lines().map(plain) {
        let length = line.chars().count() + 1;
        if length > room {
            // Between lines, so that neither a link nor what stands for a character is cut in the middle.
            text.push_str(CUT);
            break;
        }
        text.push('\n');
        text.push_str(&line);
        room -= length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::id::Timestamp;
    use uuid::Uuid;
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn message(text: &str) -> Message {
        let (subject, text) = ("acme: 3 × an error".to_string(), text.to_string());
        Message { id: Uuid::nil(), at: Timestamp(0), subject, text }
    }

    async fn slack(status: u16) -> (MockServer, Slack) {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string("words");
        Mock::given(method("POST")).and(path("/hook/secret")).respond_with(answer).mount(&server).await;
        let webhooks = [("ops".to_string(), Secret::new(format!("{}/hook/secret", server.uri())))].into();
        (server, Slack::new(reqwest::Client::new(), webhooks))
    }

    #[tokio::test]
    async fn a_message_is_text_and_nothing_else() {
        let (server, slack) = slack(200).await;
        slack.send("ops", &message("<!channel> & more")).await.unwrap();
        let posted = server.received_requests().await.unwrap();
        let body: serde_json::Value = posted[0].body_json().unwrap();
        assert_eq!(
            (posted.len(), &body["text"]),
            (1, &json!("*acme: 3 × an error*\n&lt;!channel&gt; &amp; more"))
        );
    }

    #[test]
    fn what_is_too_long_ends_between_two_lines_and_says_so() {
        let line = format!("- <{}>", "&".repeat(50));
        let long = vec![line.clone(); 100].join("\n");
        let posted = text(&message(&long));
        assert!(posted.chars().count() <= TEXT_MAX, "{}", posted.chars().count());
        assert!(posted.ends_with("&amp;&gt;\n… The rest is in the pages."), "{posted}");
        assert!(!text(&message(&line)).contains("The rest"));
    }

    #[tokio::test]
    async fn what_may_pass_is_away_and_what_will_not_is_refused() {
        for (status, is_away) in
            [(500, true), (503, true), (429, true), (404, false), (403, false), (400, false)]
        {
            let (_server, slack) = slack(status).await;
            let error = slack.send("ops", &message("x")).await.unwrap_err();
            assert_eq!(matches!(error, NotTaken::Away(_)), is_away, "{status}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let nowhere = [("ops".to_string(), Secret::new("http://127.0.0.1:1/secret"))].into();
        let error = Slack::new(reqwest::Client::new(), nowhere).send("ops", &message("x")).await.unwrap_err();
        assert!(matches!(&error, NotTaken::Away(why) if !why.contains("secret")), "{error}");
        let error = Slack::new(reqwest::Client::new(), BTreeMap::new()).send("ops", &message("x")).await;
        assert!(matches!(error, Err(NotTaken::Refused(_))));
    }
}
