//! A server of our own that is killed and comes back empty on the same port.

use std::path::{Path, PathBuf};
use std::process::Command;

use shared::buffer::Buffer;

use crate::{RULES, acme, at, eventually, instance};

/// A Redis that `scripts/services` started for this test alone.
struct Server {
    root: PathBuf,
    folder: PathBuf,
}

impl Server {
    fn start() -> (Self, String) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the root").to_path_buf();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-restart");
        let server = Self { root, folder };
        let said = server.services("up");
        let address = said.trim().strip_prefix("export SYNC_TEST_REDIS=").expect("an address").to_string();
        (server, address)
    }

    fn services(&self, verb: &str) -> String {
        let output = Command::new(self.root.join("scripts/services"))
            .args([verb, "redis"])
            .env_remove("SYNC_TEST_REDIS")
            .env("SYNC_SERVICES_DIR", &self.folder)
            .env("SYNC_SERVICES_CACHE", self.root.join("target/services/cache"))
            .output()
            .expect("scripts/services");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.services("down");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_and_restart_it_goes_on_empty() {
    let (server, address) = Server::start();
    let (ann, bob) = (instance(&address), instance(&address));
    for round in 0..3 {
        let start = at(round * 1_000_000);
        for buffer in [&ann, &bob] {
            eventually(5, async || buffer.next_due(&acme()).await.is_ok()).await;
        }
        ann.note(&acme(), "a", start, false, &RULES).await.unwrap();
        assert!(ann.lease(&acme(), "drain", "ann", start, start.plus(60_000)).await.unwrap());
        assert!(ann.remember(&acme(), "m", start, start.plus(60_000)).await.unwrap());
        assert!(!bob.lease(&acme(), "drain", "bob", start, start.plus(60_000)).await.unwrap());

        server.services("kill");
        for buffer in [&ann, &bob] {
            buffer.next_due(&acme()).await.unwrap_err();
            buffer.note(&acme(), "a", start, false, &RULES).await.unwrap_err();
        }

        server.services("restart");
        for buffer in [&ann, &bob] {
            eventually(5, async || buffer.next_due(&acme()).await.is_ok()).await;
        }
        assert_eq!(bob.next_due(&acme()).await.unwrap(), None, "nothing is left");
        assert!(bob.lease(&acme(), "drain", "bob", start, start.plus(60_000)).await.unwrap());
        assert!(!ann.lease(&acme(), "drain", "ann", start, start.plus(60_000)).await.unwrap());
        assert!(bob.remember(&acme(), "m", start, start.plus(60_000)).await.unwrap());
        bob.note(&acme(), "b", start, true, &RULES).await.unwrap();
        assert_eq!(ann.take_due(&acme(), start, 9).await.unwrap(), ["b"]);
        bob.release(&acme(), "drain", "bob").await.unwrap();
    }
}
