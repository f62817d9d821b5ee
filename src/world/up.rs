//! `up`: starts the world, says where everything is, and ends on Ctrl-C or SIGTERM.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use local::site::{self, Options};
use local::world::World;
use shared::domain::surface::SyncConfig;
use tokio::signal::unix::{SignalKind, signal};

use super::real;

/// How to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// What is synced: a file like config/sync.toml, which is the default.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Everything that is drawn by dice follows from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Begin without the sample records.
    #[arg(long)]
    empty: bool,
    /// On real MySQL, Redis, Pub/Sub and Cloud Storage, each function two processes of its own.
    #[arg(long)]
    real: bool,
}

/// Runs until told to stop.
pub(crate) async fn run(args: Args) -> ExitCode {
    match up(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("suitex-sync: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn up(args: Args) -> Result<(), String> {
    let listen = SocketAddr::new(args.host, args.port);
    let mut options = Options { listen, seed: args.seed, sample: !args.empty, ..Options::default() };
    let mut text = site::CONFIG.to_string();
    if let Some(path) = &args.config {
        text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let config = SyncConfig::parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        options.config = Arc::new(config);
    }
    let (mut terminate, mut interrupt) = signals().map_err(|e| format!("cannot listen for signals: {e}"))?;
    let world = tokio::select! {
        world = real::start(args.real, options, &text) => world?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    println!("{}", welcome(&world, &args));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    println!("stopping");
    world.stop().await;
    Ok(())
}

fn signals() -> io::Result<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}

/// Where everything is, and how to call it.
fn welcome(world: &World, args: &Args) -> String {
    let url = &world.url;
    let place = match args.real {
        true => "each function two processes, on real services (logs in target/real/logs)",
        false => "everything in this process, in memory",
    };
    let accounts: Vec<&str> = world.accounts.iter().map(|account| account.as_str()).collect();
    let mut text = format!(
        "\nSuiteX ↔ NetSuite Sync is running: {place}.\n\n\
         \x20 playground   {url}/\n\
         \x20 ingest       {url}/ingest/v1/events\n\
         \x20 review       {url}/review/api/v1/\n\
         \x20 SuiteX       {url}/suitex/{{account}}/records/{{type}}\n\
         \x20 NetSuite     {url}/netsuite/{{account}}/ui/{{type}}    (…/services/rest/record/v1/{{type}}, RESTlet)\n\
         \x20 control      {url}/control/faults, /quiesce, /parity\n\
         \x20 functions    {url}/functions/{{name}}/healthz, /metrics\n\n\
         accounts: {}\n\
         development keys of ingest (in memory only, worth nothing elsewhere):\n",
        accounts.join(", ")
    );
    for (account, secret) in &world.keys {
        text.push_str(&format!("  {account:<12} {secret}\n"));
    }
    // The examples are about the sample records.
    if let Some((account, secret)) = world.keys.iter().next().filter(|_| !args.empty) {
        text.push_str(&examples(url, account.as_str(), secret));
    }
    text.push_str("\nCtrl-C stops.");
    text
}

fn examples(url: &str, account: &str, secret: &str) -> String {
    let key = secret.trim_start_matches("whsec_");
    let event = format!(
        r#"{{"accountId":"{account}","recordType":"customer","recordId":"1001","source":"netsuite-ue","operation":"update","timestamp":"'$(date -u +%FT%TZ)'","payload":{{"changes":{{"phone":"+49 30 5550 1842"}}}}}}"#
    );
    format!(
        r#"
try:
  curl '{url}/suitex/{account}/records/customer'
  curl -X PATCH '{url}/suitex/{account}/records/customer/1' -d '{{"phone":"+31 20 555 0100"}}'
  curl '{url}/netsuite/{account}/ui/customer'
  curl -X PATCH '{url}/netsuite/{account}/ui/customer/1001' -d '{{"phone":"+31 20 555 0200"}}'
  curl '{url}/review/api/v1/records/{account}/customer/suitex:1'
  curl '{url}/review/api/v1/conflicts'
  curl -X POST '{url}/control/faults' -d '{{"account":"{account}","netsuite":{{"down":true}}}}'
  curl -X POST '{url}/control/faults' -d '{{"netsuite":null,"bus":null}}'
  curl -X POST '{url}/control/quiesce'
  curl '{url}/control/parity'
a signed event, as NetSuite's User Event script sends it:
  body='{event}'
  id=msg-$RANDOM$RANDOM ts=$(date +%s) key=$(echo '{key}' | base64 -d | od -An -vtx1 | tr -d ' \n')
  sig=$(printf '%s.%s.%s' "$id" "$ts" "$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary | base64)
  curl '{url}/ingest/v1/events' -H "webhook-id: $id" -H "webhook-timestamp: $ts" -H 'webhook-key-id: {account}' \
    -H "webhook-signature: v1,$sig" -d "$body"
"#
    )
}
