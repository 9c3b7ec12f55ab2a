//! The `heddle` binary: brokers, triggers and sources in one process, and the commands that talk to it.
//!
//! `node` is a running heddle from start to end, `server` its two HTTP servers, `commands` are clients of those.
//! The binary wires and shows; every rule about events lives in the crates below.

mod cli;
mod client;
mod commands;
mod config;
mod configuration;
mod console;
mod durability;
mod exit;
mod explanation;
mod file_system;
mod limits;
mod metrics;
mod node;
mod output;
mod place;
mod ready_file;
mod server;
mod signals;
mod telemetry;
mod terminal;
mod time;
mod token;
mod wiring;

use std::process::exit;

use cli::{Cli, Command};
use configuration::Configuration;
use exit::{Exit, Failure, OrExit, Outcome};
use node::Greeting;

/// Chosen by measurement: docs/guide/performance.md.
#[cfg(all(feature = "jemalloc", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let outcome = cli::parse(std::env::args_os())
        .map_or_else(Err, |cli| start(cli).map_err(|failure| failure.report()));
    // At once: the runtime is not torn down under what may still block, such as a read of standard input.
    exit(outcome.err().unwrap_or(Exit::Done) as i32);
}

fn start(cli: Cli) -> Outcome {
    telemetry::start(&cli.logging)?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| Failure::new(Exit::Internal, "a second TLS provider was installed"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_exit(Exit::Internal)?;
    runtime.block_on(run(cli.command))
}

async fn run(command: Command) -> Outcome {
    match command {
        Command::Dev(args) => {
            node::prepare(&args.node)?;
            node::run(args.node, Configuration::dev()?, Greeting::Banner).await
        }
        Command::Run(args) => {
            node::prepare(&args.node)?;
            node::run(args.node, Configuration::read(&args.config)?, Greeting::Log).await
        }
        Command::Validate(args) => commands::validate::run(&args),
        Command::Get(args) => commands::get::run(args).await,
        Command::DeadLetters(command) => commands::dead_letters::run(command).await,
        Command::Replay(args) => commands::replay::run(args).await,
        Command::Replays(args) => commands::replay::list(args).await,
        Command::Trigger(command) => commands::trigger::run(command).await,
        Command::Types(command) => commands::types::run(command).await,
        Command::Send(args) => commands::send::run(args).await,
        Command::Doctor(args) => commands::doctor::run(args).await,
        Command::Backup(args) => commands::backup::run(args).await,
        Command::Tail(args) => commands::tail::run(args).await,
        Command::Filter(command) => commands::filter::run(&command).await,
        Command::Sql(args) => commands::sql::run(&args),
        Command::Schema => commands::schema::run(),
    }
}
