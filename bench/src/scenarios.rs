//! The scenarios, in the order of the table, and how a run goes through them.

mod idle;
mod ingest;

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Mode, RunArgs};
use crate::context::Bench;
use crate::machine::{self, Machine};
use crate::report::Report;
use crate::rounds::Outcome;
use crate::scenario::Scenario;

/// Every scenario, and when it is run.
const ALL: &[(Scenario, &[Mode])] = &[
    (ingest::SYNCED, SHORT),
    (ingest::UNSYNCED, SHORT),
    (ingest::BATCHES, SHORT),
    (idle::MEMORY, SHORT),
    (idle::CPU, SHORT),
];

/// Those that take seconds.
const SHORT: &[Mode] = &[Mode::Quick, Mode::Full];

/// Runs what was asked for, prints the table and writes the results. Ends with failure when a scenario could not be run;
/// a ratio that is not reached is a result.
///
/// # Errors
/// When nothing can be measured at all, or somebody ends the run.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        done = measure(&args) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn measure(args: &RunArgs) -> Result<ExitCode> {
    let bench = Bench::new(args)?;
    let began = Instant::now();
    let scratch = bench.folder("machine")?;
    let machine = Machine::look(bench.data(), scratch.path())?;
    drop(scratch);
    println!("{}", machine.line());
    let mut outcomes = Vec::new();
    for &(scenario, _) in ALL
        .iter()
        .filter(|(scenario, modes)| is_asked_for(args, *scenario, modes))
    {
        println!("{}: {}", scenario.name, scenario.what);
        let outcome = one(&bench, scenario).await;
        outcomes.push(outcome.unwrap_or_else(|error| Outcome::failed(scenario, format!("{error:#}"))));
    }
    let report = Report {
        scenarios: outcomes,
        machine,
        commit: machine::commit(),
        mode: args.mode.name(),
        began: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - began.elapsed().as_secs(),
        seconds: began.elapsed().as_secs_f64(),
    };
    report.write(&args.results)?;
    println!("{}", report.text());
    let failed = report.scenarios.iter().any(|outcome| outcome.failed.is_some());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn is_asked_for(args: &RunArgs, scenario: Scenario, modes: &[Mode]) -> bool {
    let is_named = args.only.is_empty()
        || args
            .only
            .iter()
            .any(|name| scenario.name.starts_with(name.as_str()));
    is_named && modes.contains(&args.mode)
}

async fn one(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    match scenario.name {
        name if name.starts_with("ingest") => ingest::run(bench, scenario).await,
        name if name.starts_with("idle") => idle::run(bench, scenario).await,
        name => bail!("{name} has no contest"),
    }
}
