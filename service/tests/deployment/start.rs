//! A function starts when everything is as it should be, and else says everything that is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::domain::id::Timestamp;
use shared::pubsub::Topic;
use shared::runtime::clock::{BoxFuture, Clock, SystemClock};
use shared::runtime::ids::{Ids, RandomIds};
use tokio::time::timeout;

use crate::place::{CONFIG, Place, WIDER, address};

/// A database that nobody has.
const NOWHERE: &str = "mysql://root@127.0.0.1:1/nowhere?ssl-mode=DISABLED";

/// A deployment with everything in it.
pub(crate) struct Deployment {
    pub(crate) place: Place,
    project: String,
    bucket: String,
}

type Variables = BTreeMap<&'static str, String>;

impl Deployment {
    async fn new(test: &'static str, functions: &[&str]) -> Self {
        Self::at(Place::deployed(test, functions).await).await
    }

    /// Topics and a bucket for what is deployed at `place`.
    pub(crate) async fn at(place: Place) -> Self {
        let project = RandomIds.draw().simple().to_string();
        let (project, bucket) = (format!("start-{}", &project[..10]), format!("bodies-{}", &project[..10]));
        let http = reqwest::Client::new();
        for topic in Topic::ALL {
            let emulator = address("PUBSUB_EMULATOR_HOST");
            let url = format!("http://{emulator}/v1/projects/{project}/topics/{}", topic.as_str());
            let made =
                http.put(url).header("content-type", "application/json").body("{}").send().await.unwrap();
            assert!(made.status().is_success(), "{made:?}");
        }
        let storage = address("STORAGE_EMULATOR_HOST");
        let url = format!("{}/storage/v1/b?project=test", storage.trim_end_matches('/'));
        let made = http
            .post(url)
            .header("content-type", "application/json")
            .body(format!(r#"{{"name": "{bucket}"}}"#))
            .send()
            .await
            .unwrap();
        assert!(made.status().is_success(), "{made:?}");
        Self { place, project, bucket }
    }

    /// The variables of `function`, all of them right, under the account of `role`.
    pub(crate) fn variables(&self, function: &str, role: &str) -> Variables {
        let of_role = Some(role);
        let mut all: Variables = BTreeMap::from([
            ("HOST", "127.0.0.1".to_string()),
            ("PORT", free_port().to_string()),
            ("SYNC_CONFIG", self.place.file(CONFIG)),
            ("REDIS_URL", address("SYNC_TEST_REDIS")),
            ("PUBSUB_PROJECT", self.project.clone()),
            ("PUBSUB_EMULATOR_HOST", address("PUBSUB_EMULATOR_HOST")),
            ("STORAGE_EMULATOR_HOST", address("STORAGE_EMULATOR_HOST")),
            ("BLOB_BUCKET", self.bucket.clone()),
            ("PUSH_AUDIENCE", "us".to_string()),
            ("PUSH_SERVICE_ACCOUNTS", "push@example.com".to_string()),
        ]);
        if function != "outbox" {
            all.insert("STATE_DATABASE_URL", self.place.url("state", of_role));
            all.insert("LEDGER_DATABASE_URL", self.place.url("events", of_role));
        }
        if ["outbox", "sx-writer"].contains(&function) {
            let tenant = |id: &str| format!("{id}={}", self.place.url(id, of_role));
            all.insert("TENANT_DATABASES", ["acme", "globex"].map(tenant).join(";"));
        }
        all
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Why `function` does not start, a line for each reason.
async fn refusal(function: &str, variables: &Variables) -> Vec<String> {
    let env = variables.clone().into_iter().collect();
    match timeout(Duration::from_secs(40), service::run(function, &env)).await {
        Ok(Err(refused)) => refused.to_string().lines().map(str::to_string).collect(),
        Ok(Ok(())) => panic!("{function} has ended by itself"),
        Err(_) => panic!("{function} has started"),
    }
}

/// That `function` starts, and serves.
async fn starts(function: &str, variables: &Variables) {
    let env = variables.clone().into_iter().collect();
    let url = format!("http://127.0.0.1:{}/healthz", variables["PORT"]);
    let serves = async {
        let http = reqwest::Client::new();
        loop {
            match http.get(&url).send().await {
                Ok(answer) => break assert!(answer.status().is_success()),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::select! {
        ended = service::run(function, &env) => panic!("{function} does not start: {ended:?}"),
        served = timeout(Duration::from_secs(40), serves) => served.expect("it serves in time"),
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_in_one_message() {
    let mut deployment = Deployment::new("all", &["merge", "review"]).await;
    starts("merge", &deployment.variables("merge", "merge")).await;

    let mut wrong = deployment.variables("merge", "review");
    let state = deployment.place.url("state", Some("merge")).replace(":word@", ":sword@");
    for (name, value) in [
        ("PORT", "none"),
        ("PUSH_AUDIENCE", ""),
        ("REDIS_URL", "nonsense"),
        ("PUBSUB_PROJECT", "nobodys-project"),
        ("BLOB_BUCKET", ""),
        ("STATE_DATABASE_URL", state.as_str()),
    ] {
        wrong.insert(name, value.to_string());
    }
    let lines = refusal("merge", &wrong).await;
    for (about, why) in [
        ("PORT is wrong", ""),
        ("PUSH_AUDIENCE is missing", ""),
        ("REDIS_URL", ""),
        ("projects/nobodys-project/topics/events.raw", ""),
        ("projects/nobodys-project/topics/events.dlq", ""),
        ("BLOB_BUCKET is missing", ""),
        ("STATE_DATABASE_URL", "Access denied"),
        ("LEDGER_DATABASE_URL", "may not insert on event_store: give it the role sync-merge"),
    ] {
        let told = lines.iter().filter(|line| line.contains(about) && line.contains(why)).count();
        assert_eq!(told, 1, "{about} … {why}:\n{}", lines.join("\n"));
    }
    deployment.place.remove().await;
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_told_by_itself() {
    let mut deployment = Deployment::new("each", &["merge", "review", "outbox", "sx-writer"]).await;
    let no_ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deployment/somebody-elses-ca.pem");
    let place = &deployment.place;
    let with_tls = place.url("state", Some("merge"));
    let with_tls = with_tls.split_once('?').map_or(with_tls.as_str(), |(address, _)| address);
    let behind = place.url("globex", None);
    let tenants = |acme: &str, globex: &str| format!("acme={acme};globex={globex}");
    let of = |id: &str, role: &str| place.url(id, Some(role));
    let not_redis = format!("redis://{}", address("PUBSUB_EMULATOR_HOST"));
    let wrong_password = address("SYNC_TEST_REDIS").replace("redis://", "redis://nobody:secret@");
    let cases: Vec<(&str, &str, &str, String, &str)> = vec![
        ("merge", "merge", "STATE_DATABASE_URL", "h:1".into(), "not an address of a MySQL database"),
        ("merge", "merge", "STATE_DATABASE_URL", NOWHERE.into(), "STATE_DATABASE_URL: "),
        ("merge", "merge", "STATE_DATABASE_URL", of("acme", "merge"), "Access denied"),
        ("merge", "merge", "STATE_DATABASE_URL", place.url("events", None), "does not know"),
        ("merge", "merge", "LEDGER_DATABASE_URL", of("events", "review"), "may not insert on event_store"),
        (
            "merge",
            "merge",
            "STATE_DATABASE_URL",
            format!("{with_tls}?ssl-mode=VERIFY_CA&ssl-ca={no_ca}"),
            "certificate",
        ),
        (
            "merge",
            "merge",
            "REDIS_URL",
            "redis://no-such-host.invalid:6379".into(),
            "REDIS_URL: its host cannot",
        ),
        ("merge", "merge", "REDIS_URL", not_redis, "REDIS_URL: what answers there is no Redis"),
        ("merge", "merge", "REDIS_URL", wrong_password, "REDIS_URL: Redis refuses us"),
        // Something answers there, and it is no set of keys.
        ("merge", "merge", "PUSH_JWKS_URL", address("STORAGE_EMULATOR_HOST"), "PUSH_JWKS_URL: "),
        ("outbox", "outbox", "SYNC_CONFIG", place.file(WIDER), "acme are of another SYNC_CONFIG"),
        ("outbox", "outbox", "TENANT_DATABASES", format!("acme={behind}"), "globex: there is no address"),
        ("outbox", "outbox", "TENANT_DATABASES", tenants(NOWHERE, NOWHERE), "TENANT_DATABASES, acme: "),
        (
            "outbox",
            "outbox",
            "TENANT_DATABASES",
            tenants(&of("acme", "sx-writer"), &of("globex", "sx-writer")),
            "may not select on outbox_events",
        ),
        (
            "sx-writer",
            "sx-writer",
            "TENANT_DATABASES",
            tenants(&of("acme", "outbox"), &of("globex", "outbox")),
            "insert on customers_notes",
        ),
    ];
    for (function, role, variable, value, why) in cases {
        let mut variables = deployment.variables(function, role);
        variables.insert(variable, value);
        let lines = refusal(function, &variables).await;
        assert!(lines.iter().any(|line| line.contains(why)), "{function} {variable} … {why}: {lines:#?}");
    }
    deployment.place.remove().await;
}

/// A clock that is wrong by this, in ms.
struct Off(i64);

impl Clock for Off {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0)
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<()> {
        SystemClock.sleep_until(at.plus(-self.0))
    }
}

#[tokio::test]
async fn whose_clock_is_wrong_does_not_start() {
    let mut deployment = Deployment::new("clock", &["merge"]).await;
    let env = deployment.variables("merge", "merge").into_iter().collect();
    let refused = timeout(Duration::from_secs(40), service::run_by(Arc::new(Off(60_000)), "merge", &env));
    let refused = refused.await.expect("it is refused").unwrap_err().to_string();
    for database in ["STATE_DATABASE_URL", "LEDGER_DATABASE_URL"] {
        let told =
            |line: &&str| line.starts_with(database) && line.contains("ms apart: set this machine's clock");
        assert_eq!(refused.lines().filter(told).count(), 1, "{database}: {refused}");
    }
    deployment.place.remove().await;
}

#[tokio::test]
async fn a_redis_that_is_away_keeps_nobody_from_starting() {
    let mut deployment = Deployment::new("away", &["merge"]).await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("redis://{}", silent.local_addr().unwrap());
    for away in ["redis://127.0.0.1:1", silent.as_str()] {
        let mut variables = deployment.variables("merge", "merge");
        variables.insert("REDIS_URL", away.to_string());
        starts("merge", &variables).await;
    }
    deployment.place.remove().await;
}

#[tokio::test]
async fn one_tenants_trouble_keeps_no_other_from_being_served() {
    let mut deployment = Deployment::new("one", &["outbox", "sx-writer"]).await;
    let acme = |role| deployment.place.url("acme", Some(role));
    for function in ["outbox", "sx-writer"] {
        let mut variables = deployment.variables(function, function);
        starts(function, &variables).await;
        variables.insert("PORT", free_port().to_string());
        variables.insert("TENANT_DATABASES", format!("acme={};globex={NOWHERE}", acme(function)));
        starts(function, &variables).await;
    }
    let undone = "update schema_migration set applied_at = null where name like '0007%'";
    deployment.place.run_in("globex", undone).await;
    for function in ["outbox", "sx-writer"] {
        starts(function, &deployment.variables(function, function)).await;
    }
    deployment.place.remove().await;
}
