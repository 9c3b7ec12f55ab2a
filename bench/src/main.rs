//! Measures the released `heddle` binary against the machine's own limits, and says how near it comes.
//!
//! A figure of one machine at one minute means little; so every scenario runs interleaved with a yardstick that does the
//! least that its job can be done with, and what counts is their ratio. `docs/guide/performance.md` says how to read it.
//!
//! The process that a person starts is the load generator and has one thread; Heddle, the yardsticks and the sink are
//! processes of their own (the latter two of this same binary), so that memory and CPU can be told apart.

mod cli;
mod clock;
mod context;
mod disk;
mod event;
mod heddle;
mod histogram;
mod load;
mod machine;
mod metrics;
mod nats;
mod plot;
mod process;
mod read_back;
mod report;
mod rounds;
mod scenario;
mod scenarios;
mod sink;
mod usage;
mod web;
mod yardstick;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use cli::{Cli, Command};

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("heddle-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Run(args) => {
            let run = LocalSet::new();
            return one_thread()?.block_on(run.run_until(scenarios::run(args)));
        }
        Command::Fsync(args) => all_cores()?.block_on(yardstick::fsync::run(args))?,
        Command::Discard => all_cores()?.block_on(yardstick::discard::run())?,
        Command::Sink => one_thread()?.block_on(yardstick::sink::run())?,
        Command::Post(args) => all_cores()?.block_on(yardstick::post::run(args))?,
        Command::Relay(args) => all_cores()?.block_on(yardstick::relay::run(args))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The load generator must not use more than one core.
fn one_thread() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// As many workers as Heddle takes.
fn all_cores() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}
