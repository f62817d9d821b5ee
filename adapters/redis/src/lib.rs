//! The port Buffer over Redis.
