//! The demo's only way to the world: HTTP, as people and their browsers use it.

use std::fmt::Display;

use reqwest::Method;
use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, RecordType, Side};
use shared::runtime::clock::{Clock, SystemClock};

/// A function that has crashed is asked again after so many ms,
const AGAIN_AFTER_MS: i64 = 100;
/// for so long, in ms, unless somebody has more patience.
const PATIENCE_MS: i64 = 2_000;

/// Rows of one page of a side's list.
const PAGE: usize = 1_000;

/// The demo cannot go on: an address does not answer, or not as it is documented.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

/// A record, as the side that holds it names it.
#[derive(Debug, Clone)]
pub(super) struct Address<'a> {
    /// The system.
    pub(super) side: Side,
    /// The tenant.
    pub(super) account: &'a AccountId,
    /// Our name of the type; both systems know it.
    pub(super) kind: &'a RecordType,
}

/// What a system says to a person.
#[derive(Debug)]
pub(super) enum Answer {
    /// Done; the record as it is now.
    Taken(Map<String, Json>),
    /// Not done: the status, and why.
    Refused(u16, String),
    /// The system failed. It may have been done all the same.
    Unsure,
}

/// Speaks to a world.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    patience_ms: i64,
}

impl Client {
    /// A client of the world at `url`. It keeps its connections.
    pub(super) fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_string();
        Self { http: reqwest::Client::new(), url, patience_ms: PATIENCE_MS }
    }

    /// The same, with patience for what is away for so many ms.
    pub(super) fn patient(self, patience_ms: i64) -> Self {
        Self { patience_ms, ..self }
    }

    /// A person creates a record.
    pub(super) async fn create(
        &self,
        at: &Address<'_>,
        values: &Map<String, Json>,
    ) -> Result<Answer, Broken> {
        self.person(Method::POST, at.path(None, true), Some(values)).await
    }

    /// A person edits a record. `told: false`: in a way that NetSuite's User Events do not see.
    pub(super) async fn edit(
        &self,
        at: &Address<'_>,
        id: &str,
        values: &Map<String, Json>,
        told: bool,
    ) -> Result<Answer, Broken> {
        self.person(Method::PATCH, at.path(Some(id), told), Some(values)).await
    }

    /// A person deletes a record.
    pub(super) async fn delete(&self, at: &Address<'_>, id: &str) -> Result<Answer, Broken> {
        self.person(Method::DELETE, at.path(Some(id), true), None).await
    }

    /// A person looks at a record.
    pub(super) async fn read(&self, at: &Address<'_>, id: &str) -> Result<Answer, Broken> {
        self.person(Method::GET, at.path(Some(id), true), None).await
    }

    /// Everything that a person sees of a type.
    pub(super) async fn list(&self, at: &Address<'_>) -> Result<Vec<Map<String, Json>>, Broken> {
        let mut all = Vec::new();
        loop {
            let path = format!("{}&limit={PAGE}&offset={}", at.path(None, true), all.len());
            let rows = self.get(&path).await?;
            let rows: Vec<_> =
                rows.as_array().into_iter().flatten().filter_map(Json::as_object).cloned().collect();
            let is_last = rows.len() < PAGE;
            all.extend(rows);
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn person(
        &self,
        method: Method,
        path: String,
        values: Option<&Map<String, Json>>,
    ) -> Result<Answer, Broken> {
        let body = values.map(|values| Json::Object(values.clone()));
        match self.ask(method, &path, body.as_ref()).await? {
            (200..300, Json::Object(row)) => Ok(Answer::Taken(row)),
            (204, _) => Ok(Answer::Taken(Map::new())),
            (status @ 400..500, body) => Ok(Answer::Refused(status, reason(&body).to_string())),
            (500..600, _) => Ok(Answer::Unsure),
            (status, body) => Err(Broken(format!("{path}: {status} {body}"))),
        }
    }

    /// Gets what must be there.
    pub(super) async fn get(&self, path: &str) -> Result<Json, Broken> {
        self.must(Method::GET, path, None).await
    }

    /// Posts what must be taken.
    pub(super) async fn post(&self, path: &str, body: &Json) -> Result<Json, Broken> {
        self.must(Method::POST, path, Some(body)).await
    }

    /// Gets what may be there.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Json>, Broken> {
        match self.patiently(Method::GET, path, None).await? {
            (404, _) => Ok(None),
            (200..300, body) => Ok(Some(body)),
            (status, body) => Err(Broken(format!("{path}: {status} {body}"))),
        }
    }

    async fn must(&self, method: Method, path: &str, body: Option<&Json>) -> Result<Json, Broken> {
        match self.patiently(method, path, body).await? {
            (200..300, body) => Ok(body),
            (status, body) => Err(Broken(format!("{path}: {status} {body}"))),
        }
    }

    /// Asks again while the function that answers is crashing.
    async fn patiently(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<(u16, Json), Broken> {
        let until = SystemClock.now().plus(self.patience_ms);
        loop {
            match self.ask(method.clone(), path, body).await? {
                (503, _) if SystemClock.now() < until => {
                    SystemClock.sleep_until(SystemClock.now().plus(AGAIN_AFTER_MS)).await;
                }
                answer => return Ok(answer),
            }
        }
    }

    /// Makes a request; status and body. A body that is no JSON is its text.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<(u16, Json), Broken> {
        self.ask_of(method, path, body, None).await
    }

    /// The same about a thing as it was seen: `seen` is its tag.
    pub(super) async fn ask_of(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        seen: Option<&str>,
    ) -> Result<(u16, Json), Broken> {
        let broken = |error: &dyn Display| Broken(format!("{path}: {error}"));
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        if let Some(seen) = seen {
            request = request.header("if-match", seen);
        }
        let response = request.send().await.map_err(|e| broken(&e))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|e| broken(&e))?;
        let json = serde_json::from_slice(&bytes);
        Ok((status, json.unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&bytes).into_owned()))))
    }

    /// All rows of a list that comes in pages.
    pub(super) async fn pages(&self, path: &str) -> Result<Vec<Json>, Broken> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}{joint}limit=200{after}")).await?;
            if let Json::Array(items) = page["items"].take() {
                all.extend(items);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(all),
            }
        }
    }
}

impl Address<'_> {
    fn path(&self, id: Option<&str>, told: bool) -> String {
        let Self { account, kind, .. } = self;
        let id = id.map(|id| format!("/{id}")).unwrap_or_default();
        match self.side {
            Side::SuiteX => format!("/suitex/{account}/records/{kind}{id}?user=sam"),
            Side::NetSuite => {
                let user_event = if told { "on" } else { "off" };
                format!("/netsuite/{account}/ui/{kind}{id}?user=ann&user_event={user_event}")
            }
        }
    }
}

/// The reason in a problem of either system.
fn reason(body: &Json) -> &str {
    let detail = [&body["detail"], &body["o:errorDetails"][0]["detail"], &body["title"]];
    detail.into_iter().find_map(Json::as_str).unwrap_or("without a reason")
}
