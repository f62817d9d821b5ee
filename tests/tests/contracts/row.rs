//! An implementation of a port: a name, and how one is made.

use std::any::Any;
use std::sync::Arc;

use futures::future::LocalBoxFuture;

/// One implementation of the port `P`.
pub(crate) struct Row<P: ?Sized> {
    name: &'static str,
    make: Box<dyn Fn() -> LocalBoxFuture<'static, Held<P>>>,
}

/// A port, and what must live as long as it does: a database, say.
pub(crate) struct Held<P: ?Sized> {
    port: Arc<P>,
    keep: Box<dyn Any>,
}

impl<P: ?Sized> Held<P> {
    /// A port, and what it needs.
    pub(crate) fn with(port: Arc<P>, keep: impl Any) -> Self {
        Self { port, keep: Box::new(keep) }
    }
}

impl<P: ?Sized> Row<P> {
    /// The implementation `name`; `make` gives one in which there is nothing yet.
    pub(crate) fn new(name: &'static str, make: impl AsyncFn() -> Held<P> + Clone + 'static) -> Self {
        let make = move || -> LocalBoxFuture<'static, Held<P>> {
            let make = make.clone();
            Box::pin(async move { make().await })
        };
        Self { name, make: Box::new(make) }
    }

    /// Runs a check over a new one, on a runtime of its own, as an implementation behind a network needs it.
    pub(crate) fn check(&self, check: impl AsyncFnOnce(&P)) {
        println!("{}", self.name);
        wait(async {
            let Held { port, keep } = (self.make)().await;
            check(&port).await;
            drop((port, keep));
        });
    }
}

/// Runs to its end on a runtime of its own.
pub(crate) fn wait<T>(check: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(check)
}
