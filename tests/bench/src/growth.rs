//! Later.
use crate::Failure;
#[derive(clap::Args)]
pub(crate) struct Options {}
pub(crate) async fn run(_: Options) -> Result<(), Failure> { Ok(()) }
