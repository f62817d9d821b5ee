//! Tests against real MySQL, Redis, Pub/Sub and Cloud Storage.
