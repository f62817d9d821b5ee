//! Serving: what every function answers besides its own routes, and an orderly end on SIGTERM.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures::FutureExt;
use http::header;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::metrics::Metrics;
use super::problem::Problem;
use super::tasks::Tasks;

/// How long an end may take once we are told to stop. Cloud Run kills after 10 s.
const ENDING: Ending = Ending { requests: Duration::from_secs(7), all: Duration::from_secs(9) };

/// How long things may take once we are told to stop: one limit for everything, not one for each thing.
#[derive(Clone, Copy)]
struct Ending {
    /// Requests under way, and background work.
    requests: Duration,
    /// These, and what is closed after them.
    all: Duration,
}

/// How often we look whether the background work has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Adds what every function answers: `GET /healthz`, `GET /metrics`, and problem details for paths and
/// methods that are not there.
pub fn with_common_routes(router: Router, metrics: &Metrics) -> Router {
    let metrics = metrics.clone();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    router
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(async move || ([(header::CONTENT_TYPE, kind)], metrics.render())))
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
}

/// Serves until SIGTERM or SIGINT: then stops background work at its next step, finishes the requests under
/// way, does `close`, and ends after 9 s at the latest, whatever is not done by then.
pub async fn serve(
    router: Router,
    listen: SocketAddr,
    tasks: Tasks,
    close: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let listener = TcpListener::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    serve_until(router, listener, tasks, told, close, ENDING).await
}

async fn serve_until(
    router: Router,
    listener: TcpListener,
    tasks: Tasks,
    told: impl Future<Output = ()> + Send + 'static,
    close: impl Future<Output = ()>,
    within: Ending,
) -> io::Result<()> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let background = tasks.clone();
    let stopping = async move {
        told.await;
        background.stop();
        let _ = stop.send(());
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(stopping).into_future();
    let stopped = stopped.shared();
    let late = |limit: Duration| {
        let stopped = stopped.clone();
        async move {
            // The sender is dropped without a word only when the server has ended by itself.
            let _ = stopped.await;
            pause(limit).await;
        }
    };
    let served = async {
        let ending = async move {
            let ended = server.await;
            while tasks.is_busy() {
                pause(LOOK_EVERY).await;
            }
            ended
        };
        tokio::select! {
            ended = ending => ended,
            () = late(within.requests) => {
                tracing::warn!("requests or background work did not end in time");
                Ok(())
            }
        }
    };
    let whole = async {
        let served = served.await;
        close.await;
        served
    };
    tokio::select! {
        ended = whole => ended,
        () = late(within.all) => {
            tracing::warn!("what is closed after the last request did not end in time");
            Ok(())
        }
    }
}

/// Real time, not the App's clock: a process is given real seconds to stop.
async fn pause(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tasks::TokioSpawn;
    use axum::body::Body;
    use http::{Request, StatusCode};
    use tower::ServiceExt;

    fn ask(method: &str, path: &str) -> axum::response::Response {
        let router = Router::new().route("/work", axum::routing::post(async || "done"));
        let router = with_common_routes(router, &Metrics::new("test"));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router.oneshot(request).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn every_function_answers_for_its_health_and_counters() {
        assert_eq!(ask("GET", "/healthz").status(), StatusCode::OK);
        assert_eq!(ask("GET", "/metrics").status(), StatusCode::OK);
    }

    #[test]
    fn a_wrong_path_or_method_is_a_problem() {
        for (method, path, status) in
            [("GET", "/nowhere", 404), ("GET", "/work", 405), ("POST", "/healthz", 405)]
        {
            let response = ask(method, path);
            assert_eq!(response.status(), status, "{method} {path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
        assert_eq!(ask("GET", "/work").headers()["allow"], "POST");
    }

    #[tokio::test]
    async fn a_request_under_way_is_finished_before_the_end() {
        let tasks = Tasks::new(TokioSpawn);
        let (begun, wait_begun) = tokio::sync::oneshot::channel();
        let (go_on, wait_go_on) = tokio::sync::oneshot::channel();
        let channels = std::sync::Arc::new(std::sync::Mutex::new(Some((begun, wait_go_on))));
        let slow = async move || {
            let (begun, go_on) = channels.lock().unwrap().take().unwrap();
            begun.send(()).unwrap();
            go_on.await.unwrap();
            "finished"
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, wait_told) = tokio::sync::oneshot::channel::<()>();
        let router = Router::new().route("/", get(slow));
        let told_to_stop = async {
            let _ = wait_told.await;
        };
        let (closed, is_closed) = tokio::sync::oneshot::channel();
        let close = async move { closed.send(()).unwrap() };
        let server = serve_until(router, listener, tasks.clone(), told_to_stop, close, ENDING);
        let client = reqwest::get(format!("http://{address}/"));
        let client = async { client.await.unwrap().text().await.unwrap() };
        let operator = async {
            wait_begun.await.unwrap();
            told.send(()).unwrap();
            while !tasks.is_stopping() {
                tokio::task::yield_now().await;
            }
            go_on.send(()).unwrap();
        };
        let (ended, answer, ()) = tokio::join!(server, client, operator);
        ended.unwrap();
        assert_eq!(answer, "finished");
        is_closed.await.expect("closed after the last request");
    }

    #[tokio::test]
    async fn nothing_that_hangs_takes_more_than_its_share_of_the_one_limit() {
        let begun = std::sync::Arc::new(tokio::sync::Notify::new());
        let tell = std::sync::Arc::clone(&begun);
        let hangs = async move || {
            tell.notify_one();
            std::future::pending::<&str>().await
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let within = Ending { requests: Duration::from_millis(300), all: Duration::from_millis(500) };
        let (closing, is_closing) = tokio::sync::oneshot::channel();
        let close = async move {
            closing.send(tokio::time::Instant::now()).unwrap();
            std::future::pending().await
        };
        let (told, wait_told) = tokio::sync::oneshot::channel();
        let told_to_stop = async move {
            begun.notified().await;
            told.send(tokio::time::Instant::now()).unwrap();
        };
        let router = Router::new().route("/", get(hangs));
        let server = serve_until(router, listener, Tasks::new(TokioSpawn), told_to_stop, close, within);
        let client = reqwest::Client::new().get(format!("http://{address}/")).timeout(Duration::from_secs(3));
        let (ended, _) = tokio::join!(
            async {
                server.await.unwrap();
                tokio::time::Instant::now()
            },
            client.send(),
        );
        let told = wait_told.await.unwrap();
        let closed_at = is_closing.await.expect("what is to be closed is begun though a request hangs");
        assert!((300..450).contains(&closed_at.duration_since(told).as_millis()), "the request's share");
        assert!((500..900).contains(&ended.duration_since(told).as_millis()), "one limit for both");
        // 10 s are what Cloud Run gives; one is for whatever we do not measure.
        assert!(ENDING.requests < ENDING.all && ENDING.all <= Duration::from_secs(9));
    }
}
