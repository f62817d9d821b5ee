//! The ports Publish and Blob over Pub/Sub and Cloud Storage; verification of push tokens.
