//! The review pages in a real Chromium, over `up --real`: tests/browser holds what people do there.

use std::process::Stdio;

use crate::up::Up;
use crate::{Services, root};

/// Readies Node, Chromium and the driver, then runs the tests. The scripts say what is missing, and how to get it.
const RUN: &str = r#"
set -euo pipefail
export CACHE=$SYNC_SERVICES_CACHE
mkdir -p "$CACHE"
for part in service packages node chromium; do source "scripts/lib/$part.sh"; done
node_ready
chromium_ready
cd tests/browser
[[ node_modules/.package-lock.json -nt package-lock.json ]] || npm ci --loglevel=error
exec node --test --test-concurrency=1 --test-reporter=spec
"#;

#[test]
fn people_do_their_work_on_the_review_pages() {
    let services = Services::up();
    let up = Up::start(&services);
    let mut tests = services.command("bash");
    tests.env("REVIEW_WORLD", &up.url);
    tests.env("SCREENSHOTS", root().join("target/screenshots"));
    let output = tests.args(["-c", RUN]).stdin(Stdio::null()).output().expect("bash");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
