//! Time, as a value that comes in from outside.

use std::future::Future;
use std::pin::Pin;

use crate::domain::id::Timestamp;

/// A future without borrowed parts, as the ports return it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Tells the time and waits. [`SystemClock`] in life; the simulation brings its own.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Completes once `now` has reached `until`.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<()>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp(chrono::Utc::now().timestamp_millis())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits on the machine's clock")]
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<()> {
        let millis = until.0.saturating_sub(self.now().0).max(0).unsigned_abs();
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(millis)))
    }
}
