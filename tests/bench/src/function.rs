//! Functions as they are deployed, each on a runtime of its own.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use shared::runtime::tasks::Tasks;
use tokio::runtime::{Builder, Handle, Runtime};
use tower::ServiceExt;

/// An instance of a function.
pub(crate) struct Function {
    router: Router,
    tasks: Tasks,
    runtime: Option<Runtime>,
}

/// Threads of an instance: it runs on one CPU or two.
const THREADS: usize = 2;

/// A runtime whose threads have this name.
pub(crate) fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("threads")
}

impl Function {
    pub(crate) fn new(router: Router, tasks: Tasks, runtime: Runtime) -> Self {
        Self { router, tasks, runtime: Some(runtime) }
    }

    fn handle(&self) -> &Handle {
        self.runtime.as_ref().expect("it is there until it is dropped").handle()
    }

    /// Does `work` on the function's runtime.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle().spawn(work);
    }

    /// The status with which it answers, once this is polled on whichever runtime.
    pub(crate) fn start(&self, request: Request<Body>) -> impl Future<Output = StatusCode> + Send + 'static {
        let router = self.router.clone();
        async move {
            let Ok(response) = router.oneshot(request).await;
            response.status()
        }
    }

    /// What it answers, on its own runtime.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Response {
        let router = self.router.clone();
        let answered = self.handle().spawn(async move {
            let Ok(response) = router.oneshot(request).await;
            response
        });
        answered.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    /// Calls it on its own runtime.
    pub(crate) async fn call(&self, request: Request<Body>) -> StatusCode {
        let answered = self.handle().spawn(self.start(request));
        answered.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.tasks.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The functions, by name.
pub(crate) struct Fleet(pub(crate) BTreeMap<&'static str, Function>);

impl Fleet {
    pub(crate) fn get(&self, name: &str) -> &Function {
        self.0.get(name).expect("a function of the table")
    }

    /// Posts without a body.
    pub(crate) async fn post(&self, name: &str, path: &str) -> StatusCode {
        let request = Request::post(path).body(Body::empty()).expect("a path");
        self.get(name).call(request).await
    }
}
