//! How a push is answered: the one place where a fault becomes a status.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::fault::{Disposition, Fault};

/// The answer to a push. Pub/Sub takes 204 as an ack and anything from 400 up as a nack.
///
/// A fault that parks has been filed by the handler, which alone has the message: here it is an ack.
pub fn answer(result: Result<(), Fault>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(fault) => {
            tracing::warn!(%fault, "push not done");
            let status = match (fault.disposition(), &fault) {
                (Disposition::Ack | Disposition::Park, _) => StatusCode::NO_CONTENT,
                (Disposition::Nack, Fault::Broken(_)) => StatusCode::INTERNAL_SERVER_ERROR,
                (Disposition::Nack, _) => StatusCode::SERVICE_UNAVAILABLE,
            };
            status.into_response()
        }
    }
}
