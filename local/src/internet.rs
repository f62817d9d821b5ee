//! What N/https of the simulated NetSuite reaches: the hub's address, which is the world's own.

use std::sync::mpsc;
use std::time::Duration;

use shared::runtime::tasks::{Spawn, TokioSpawn};
use tokio::runtime::Handle;

use crate::netsuite::{Answer, Outside, Post, Unreached};

/// As long as NetSuite waits for an answer.
const PATIENCE: Duration = Duration::from_secs(45);

/// The way from a script to the world. The script's thread waits; the runtime does the talking.
pub(crate) struct Internet {
    url: String,
    http: reqwest::Client,
    runtime: Handle,
}

impl Internet {
    /// To the world at `url`. To be called within its runtime.
    pub(crate) fn new(url: String, http: reqwest::Client) -> Self {
        Self { url, http, runtime: Handle::current() }
    }
}

impl Outside for Internet {
    fn post(&self, post: Post) -> Result<Answer, Unreached> {
        let path = post.url.splitn(4, '/').nth(3).unwrap_or_default();
        let mut request = self.http.post(format!("{}/{path}", self.url)).body(post.body);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let (tell, told) = mpsc::channel();
        let within = self.runtime.enter();
        TokioSpawn.spawn(Box::pin(async move {
            let answer = match request.send().await {
                Ok(response) => {
                    let code = response.status().as_u16();
                    response.text().await.ok().map(|body| Answer { code, body })
                }
                Err(_) => None,
            };
            // The script may have lost its patience.
            let _ = tell.send(answer);
        }));
        drop(within);
        told.recv_timeout(PATIENCE).ok().flatten().ok_or(Unreached)
    }
}
