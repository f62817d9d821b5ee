//! People at the door: who sent a request. What they may do is another question.

use async_trait::async_trait;
use http::HeaderMap;

use super::problem::Problem;

/// Whom a way in vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// The address, as it was vouched for.
    pub email: String,
    /// The name, where it is told.
    pub name: Option<String>,
}

/// A way in.
#[async_trait]
pub trait Identify: Send + Sync {
    /// Who sent a request with these headers; a 401 when nobody can be believed to have.
    async fn identify(&self, headers: &HeaderMap) -> Result<Identified, Problem>;
}
