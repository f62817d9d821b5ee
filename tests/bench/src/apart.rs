//! The functions as processes of their own, to see what each needs: CPU and memory of one instance.
//!
//! ```text
//! this process: bus, NetSuite, load ── HTTP pushes ──► a child per function ──► MySQL, Redis
//!                        ▲                                    │
//!                        └──────── HTTP: publish, RESTlet ────┘
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use clap::Args;
use http::StatusCode;
use serde_json::{Value as Json, json};
use shared::fault::Unavailable;
use shared::netsuite::transport::{Transport, reqwest_transport};
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::serve::serve;
use shared::runtime::tasks::Tasks;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tower::ServiceExt;

use crate::Failure;
use crate::cpu;

/// Largest message.
const BODY_MAX: usize = 16 << 20;

/// A child's part of the command line.
#[derive(Args, Debug, Clone)]
pub(crate) struct Options {
    /// The function.
    pub(crate) name: String,
    /// Accounts of the site.
    #[arg(long)]
    pub(crate) accounts: usize,
    /// The address of the process that has the bus and NetSuite.
    #[arg(long)]
    pub(crate) parent: String,
    /// The port to listen on.
    #[arg(long)]
    pub(crate) port: u16,
    /// The site's databases.
    #[arg(long)]
    pub(crate) site: String,
    /// The site's Redis database.
    #[arg(long)]
    pub(crate) redis: u8,
}

/// A function's process. It ends with this value.
pub(crate) struct Apart {
    child: Child,
}

impl Apart {
    /// Starts one, and a router that hands it what it is asked. It answers when this returns.
    pub(crate) async fn start(options: &Options) -> Result<(Self, Router), Failure> {
        let mut child = Command::new("/proc/self/exe")
            .args(["function", &options.name, "--parent", &options.parent, "--site", &options.site])
            .args(["--accounts", &options.accounts.to_string(), "--redis", &options.redis.to_string()])
            .args(["--port", &options.port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = child.stdout.take().ok_or("a child has an output")?;
        // It says so when it is about to serve.
        BufReader::new(said).lines().next_line().await?.ok_or("a function did not start")?;
        let base = format!("http://{}:{}", Ipv4Addr::LOCALHOST, options.port);
        let http = client()?;
        for _ in 0..500 {
            let asked = http::Request::get(format!("{base}/healthz")).body(Bytes::new())?;
            if http.clone().oneshot(asked).await.is_ok() {
                return Ok((Self { child }, forward(base, http)));
            }
            tokio::task::yield_now().await;
        }
        Err(format!("{} does not answer", options.name).into())
    }

    /// What it has used: CPU in ms, memory in MiB now and at most.
    pub(crate) fn used(&self) -> Option<(f64, f64, f64)> {
        let id = self.child.id()?;
        let (now, most) = cpu::memory_of(&id.to_string());
        Some((cpu::of_process(id)?, now, most))
    }
}

/// A port that is free now.
pub(crate) async fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port())
}

/// Calls over HTTP.
pub(crate) fn client() -> Result<Transport, Failure> {
    Ok(reqwest_transport(reqwest::Client::builder().no_proxy().build()?))
}

/// Asks the process at `base` whatever is asked here.
fn forward(base: String, http: Transport) -> Router {
    Router::new().fallback(move |request: Request| {
        let (base, http) = (base.clone(), http.clone());
        async move {
            let asked = async {
                let (mut parts, body) = request.into_parts();
                parts.uri = format!("{base}{}", parts.uri).parse().ok()?;
                let body = to_bytes(body, BODY_MAX).await.ok()?;
                http.oneshot(http::Request::from_parts(parts, body)).await.ok()
            };
            match asked.await {
                Some(response) => response.map(Body::from),
                None => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
    })
}

/// What children ask of the process that has the bus and NetSuite: `/publish/{topic}`, and NetSuite's own paths.
pub(crate) async fn serve_children(
    publish: Arc<dyn Publish>,
    netsuite: Transport,
    port: u16,
) -> Result<(), Failure> {
    let publishing = post(move |Path(topic): Path<String>, body: Bytes| {
        let publish = Arc::clone(&publish);
        async move {
            let Some(topic) = Topic::ALL.into_iter().find(|known| known.as_str() == topic) else {
                return StatusCode::NOT_FOUND;
            };
            let Some(messages) = read(&body) else { return StatusCode::BAD_REQUEST };
            match publish.publish(topic, messages).await {
                Ok(()) => StatusCode::NO_CONTENT,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
    });
    let restlet = move |request: Request| {
        let netsuite = netsuite.clone();
        async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = to_bytes(body, BODY_MAX).await else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            let answer = netsuite.oneshot(http::Request::from_parts(parts, body)).await;
            answer.map_or_else(
                |_| StatusCode::BAD_GATEWAY.into_response(),
                |r| -> Response { r.map(Body::from) },
            )
        }
    };
    let router = Router::new().route("/publish/{topic}", publishing).fallback(restlet);
    let tasks = Tasks::new(shared::runtime::tasks::TokioSpawn);
    Ok(serve(router, (Ipv4Addr::LOCALHOST, port).into(), tasks, async {}).await?)
}

/// Publishes by asking the process that has the bus.
pub(crate) struct HttpPublish {
    pub(crate) parent: String,
    pub(crate) http: Transport,
}

#[async_trait]
impl Publish for HttpPublish {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        let away = |why: String| Unavailable::new("bus", why);
        let request = http::Request::post(format!("{}/publish/{}", self.parent, topic.as_str()));
        let request = request.body(written(&messages)).map_err(|error| away(error.to_string()))?;
        let answer = self.http.clone().oneshot(request).await.map_err(|lost| away(lost.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(away(answer.status().to_string())) }
    }
}

fn written(messages: &[Message]) -> Bytes {
    let message = |message: &Message| {
        json!([String::from_utf8_lossy(&message.data), message.attributes, message.ordering_key])
    };
    Json::Array(messages.iter().map(message).collect()).to_string().into()
}

fn read(body: &[u8]) -> Option<Vec<Message>> {
    let messages: Vec<(String, BTreeMap<String, String>, String)> = serde_json::from_slice(body).ok()?;
    let message = |(data, attributes, ordering_key): (String, _, _)| Message {
        data: data.into(),
        attributes,
        ordering_key,
    };
    Some(messages.into_iter().map(message).collect())
}
