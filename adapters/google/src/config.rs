//! What is read from the environment for Google's services.

use shared::pubsub::Topic;
use shared::runtime::env::EnvReader;

/// Where Google publishes the keys that sign push tokens.
pub const GOOGLE_JWKS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// Where messages go.
///
/// | variable | default | |
/// |---|---|---|
/// | `PUBSUB_PROJECT` | | the project of the topics |
/// | `PUBSUB_TOPIC_RAW` `PUBSUB_TOPIC_MERGED` `PUBSUB_TOPIC_ERROR` `PUBSUB_TOPIC_DLQ` | [`Topic::as_str`] | the topics' ids |
/// | `PUBSUB_EMULATOR_HOST` | | `host:port` of an emulator, used instead of Google, without credentials |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubsubConfig {
    /// The project.
    pub project: String,
    /// The topics' ids, in the order of [`Topic::ALL`].
    pub topics: [String; 4],
    /// `host:port` of an emulator.
    pub emulator: Option<String>,
}

impl PubsubConfig {
    /// The topics of `project` under their usual ids, at Google or at an emulator.
    pub fn new(project: impl Into<String>, emulator: Option<String>) -> Self {
        Self { project: project.into(), topics: Topic::ALL.map(|t| t.as_str().to_string()), emulator }
    }

    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let project = reader.required("PUBSUB_PROJECT", "the project of the Pub/Sub topics");
        let topics = Topic::ALL.map(|topic| {
            let (name, default) = (variable_of(topic), topic.as_str().to_string());
            let id = reader.parsed_or(name, default, "a topic's id");
            if !is_topic_id(&id) {
                reader.refuse(name, "a topic's id has 3 to 255 of A-Z a-z 0-9 - . _ ~ + %, a letter first");
            }
            id
        });
        let emulator = reader.optional("PUBSUB_EMULATOR_HOST");
        if emulator.as_ref().is_some_and(|host| host.contains("://") || !host.contains(':')) {
            reader.refuse("PUBSUB_EMULATOR_HOST", "it is host:port, without a scheme");
        }
        Self { project, topics, emulator }
    }

    /// The full name of a topic: `projects/…/topics/…`.
    pub fn topic(&self, topic: Topic) -> String {
        // Expect safety: every topic is in the list of all.
        let at = Topic::ALL.iter().position(|t| *t == topic).expect("every topic has its place");
        format!("projects/{}/topics/{}", self.project, self.topics[at])
    }
}

fn variable_of(topic: Topic) -> &'static str {
    match topic {
        Topic::Raw => "PUBSUB_TOPIC_RAW",
        Topic::Merged => "PUBSUB_TOPIC_MERGED",
        Topic::Error => "PUBSUB_TOPIC_ERROR",
        Topic::DeadLetter => "PUBSUB_TOPIC_DLQ",
    }
}

fn is_topic_id(id: &str) -> bool {
    (3..=255).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+%".contains(&b))
}

/// Where large bodies are.
///
/// | variable | default | |
/// |---|---|---|
/// | `STORAGE_EMULATOR_HOST` | | base URL of a stand-in, used instead of Google, without credentials |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageConfig {
    /// Base URL of a stand-in for Cloud Storage, `http://host:port`.
    pub emulator: Option<String>,
}

impl StorageConfig {
    /// Reads the variables; what is wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let emulator = reader.optional("STORAGE_EMULATOR_HOST");
        if emulator.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            reader.refuse("STORAGE_EMULATOR_HOST", "it begins with http:// or https://");
        }
        Self { emulator }
    }
}

/// Whose pushes are believed.
///
/// | variable | default | |
/// |---|---|---|
/// | `PUSH_AUDIENCE` | | the audience that subscriptions and scheduler jobs are configured with |
/// | `PUSH_SERVICE_ACCOUNTS` | | the service accounts that may call, by comma |
/// | `PUSH_JWKS_URL` | [`GOOGLE_JWKS`] | where the signing keys are |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// The audience that a token must be for.
    pub audience: String,
    /// The service accounts, by e-mail address, that may call.
    pub service_accounts: Vec<String>,
    /// Where the signing keys are.
    pub jwks_url: String,
}

impl TokenConfig {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let audience = reader.required("PUSH_AUDIENCE", "the audience of push tokens");
        let accounts = reader.required("PUSH_SERVICE_ACCOUNTS", "the service accounts that may push");
        let service_accounts: Vec<String> =
            accounts.split(',').map(|a| a.trim().to_string()).filter(|a| !a.is_empty()).collect();
        if service_accounts.iter().any(|account| !account.contains('@')) {
            reader.refuse("PUSH_SERVICE_ACCOUNTS", "a service account is named by its e-mail address");
        }
        let purpose = "where the keys of push tokens are";
        let jwks_url = reader.parsed_or("PUSH_JWKS_URL", GOOGLE_JWKS.to_string(), purpose);
        if reqwest::Url::parse(&jwks_url).is_err() {
            reader.refuse("PUSH_JWKS_URL", "it is not a URL");
        }
        Self { audience, service_accounts, jwks_url }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::runtime::env::Env;

    fn read<T>(variables: &[(&str, &str)], of: impl FnOnce(&mut EnvReader<'_>) -> T) -> Result<T, String> {
        let env: Env = variables.iter().copied().collect();
        let mut reader = EnvReader::new(&env);
        let value = of(&mut reader);
        reader.finish().map(|()| value).map_err(|e| e.to_string())
    }

    #[test]
    fn topics_have_their_usual_ids_unless_told() {
        let variables = [("PUBSUB_PROJECT", "p1"), ("PUBSUB_TOPIC_DLQ", "dead")];
        let config = read(&variables, PubsubConfig::read).unwrap();
        assert_eq!(config.topic(Topic::Raw), "projects/p1/topics/events.raw");
        assert_eq!(config.topic(Topic::DeadLetter), "projects/p1/topics/dead");
        assert_eq!(
            PubsubConfig { topics: PubsubConfig::new("", None).topics, ..config.clone() }.emulator,
            None
        );
    }

    #[test]
    fn everything_wrong_is_named() {
        let wrong = [
            ("PUBSUB_TOPIC_RAW", "1x"),
            ("PUBSUB_EMULATOR_HOST", "http://localhost:1"),
            ("STORAGE_EMULATOR_HOST", "localhost:1"),
            ("PUSH_SERVICE_ACCOUNTS", "somebody"),
            ("PUSH_JWKS_URL", "here"),
        ];
        let text = read(&wrong, |reader| {
            let _ = (PubsubConfig::read(reader), StorageConfig::read(reader), TokenConfig::read(reader));
        });
        let text = text.unwrap_err();
        for name in wrong.map(|(name, _)| name).iter().chain(&["PUBSUB_PROJECT", "PUSH_AUDIENCE"]) {
            assert!(text.contains(name), "{name}: {text}");
        }
    }

    #[test]
    fn several_service_accounts_may_call() {
        let variables = [("PUSH_AUDIENCE", "a"), ("PUSH_SERVICE_ACCOUNTS", "push@p.iam, tick@p.iam,")];
        let config = read(&variables, TokenConfig::read).unwrap();
        assert_eq!(config.service_accounts, ["push@p.iam", "tick@p.iam"]);
        assert_eq!(config.jwks_url, GOOGLE_JWKS);
    }
}
