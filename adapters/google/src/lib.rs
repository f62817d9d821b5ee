//! The ports [`shared::pubsub::Publish`] and [`shared::blob::Blob`] over Pub/Sub and Cloud Storage, by
//! Google's own clients; and the door of every push: the verification of its OIDC token.
//!
//! Nothing here reads the environment by itself: [`config`] reads what it is handed, and addresses of
//! emulators are part of it (Google's clients would ignore `PUBSUB_EMULATOR_HOST`).
//!
//! With the feature `bridge` there is also the push of Pub/Sub, as production makes it, from the emulator,
//! whose own push lacks too much to test with.
//!
//! The process must name one TLS provider before anything here connects, at the start of `main`:
//! `rustls::crypto::aws_lc_rs::default_provider().install_default()`.

pub mod blob;
#[cfg(feature = "bridge")]
pub mod bridge;
pub mod config;
#[cfg(any(test, feature = "bridge"))]
pub mod issuer;
pub mod publish;
pub mod token;
