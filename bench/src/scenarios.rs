//! The scenarios, in the order of the table, and how a run goes through them.

mod delivery;
mod idle;
mod ingest;
mod jetstream;
mod large;
mod neighbours;
mod producers;
mod scale;
mod sweeps;

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Mode, RunArgs};
use crate::context::Bench;
use crate::machine::{self, Machine};
use crate::plot::Sweep;
use crate::report::Report;
use crate::rounds::Outcome;
use crate::scenario::Scenario;

/// Every scenario, and when it is run.
const ALL: &[(Scenario, &[Mode])] = &[
    (ingest::SYNCED, SHORT),
    (ingest::UNSYNCED, SHORT),
    (ingest::BATCHES, SHORT),
    (delivery::BESIDE, SHORT),
    (delivery::BACKLOG, SHORT),
    (delivery::LATENCY, SHORT),
    (scale::MATCHED, SHORT),
    (scale::MANY_BROKERS, SHORT),
    (large::MEMORY, LONG),
    (jetstream::SYNCED, SHORT),
    (jetstream::UNSYNCED, SHORT),
    (delivery::END_TO_END, SHORT),
    (large::START, LONG),
    (neighbours::ENDPOINTS_APART, SHORT),
    (neighbours::RETIRING, SHORT),
    (idle::MEMORY, SHORT),
    (idle::CPU, SHORT),
];

/// What `--only` calls the plots.
const PLOTS: &str = "plots";

/// Those that take seconds.
const SHORT: &[Mode] = &[Mode::Quick, Mode::Full];

/// Those that take minutes and gigabytes.
const LONG: &[Mode] = &[Mode::Large];

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
    let asked_for: Vec<Scenario> = ALL
        .iter()
        .filter(|(scenario, modes)| modes.contains(&args.mode) && is_asked_for(args, scenario.name))
        .map(|(scenario, _)| *scenario)
        .collect();
    let has_plots = args.mode == Mode::Full && is_asked_for(args, PLOTS);
    ensure!(
        has_plots || !asked_for.is_empty(),
        "no scenario of this mode has such a name: {}",
        names(args.mode)
    );
    let bench = Bench::new(args)?;
    let began = Instant::now();
    let machine = Machine::look(bench.data(), &mut bench.disk()?)?;
    println!("{}", machine.line());
    let scenarios = all(&bench, asked_for).await;
    let sweeps = if has_plots {
        draw(&bench).await
    } else {
        Some(Vec::new())
    };
    let report = Report {
        failed: sweeps.is_none() || scenarios.iter().any(|outcome| outcome.failed.is_some()),
        scenarios,
        sweeps: sweeps.unwrap_or_default(),
        machine,
        commit: machine::commit(),
        mode: args.mode.name(),
        is_whole: args.only.is_empty(),
        began: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - began.elapsed().as_secs(),
        seconds: began.elapsed().as_secs_f64(),
    };
    report.write(&args.results)?;
    println!("{}", report.text());
    Ok(if report.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What came of each; one that cannot be measured does not keep the others from it.
async fn all(bench: &Bench, scenarios: Vec<Scenario>) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        println!("{}: {}", scenario.name, scenario.what);
        let began = Instant::now();
        let outcome = one(bench, scenario).await;
        let outcome = outcome.unwrap_or_else(|error| Outcome::failed(scenario, format!("{error:#}")));
        outcomes.push(outcome.took(began.elapsed()));
    }
    outcomes
}

/// The curves; `None` when they cannot be had.
async fn draw(bench: &Bench) -> Option<Vec<Sweep>> {
    println!("{PLOTS}: ingest against connections, payload, triggers, backlog");
    match sweeps::all(bench).await {
        Ok(sweeps) => Some(sweeps),
        Err(error) => {
            eprintln!("no plots: {error:#}");
            None
        }
    }
}

fn names(mode: Mode) -> String {
    let names = ALL.iter().filter(|(_, modes)| modes.contains(&mode));
    names
        .map(|(scenario, _)| scenario.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn is_asked_for(args: &RunArgs, name: &str) -> bool {
    args.only.is_empty() || args.only.iter().any(|start| name.starts_with(start.as_str()))
}

async fn one(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    match scenario.name {
        name if name.starts_with("ingest") => ingest::run(bench, scenario).await,
        name if name.starts_with("delivery") => delivery::run(bench, scenario).await,
        name if name.starts_with("jetstream") => jetstream::run(bench, scenario).await,
        name if name.starts_with("large") => large::run(bench, scenario).await,
        "matching" | "brokers" => scale::run(bench, scenario).await,
        "endpoints" | "retiring" => neighbours::run(bench, scenario).await,
        name if name.starts_with("idle") => idle::run(bench, scenario).await,
        name => bail!("{name} has no contest"),
    }
}

#[cfg(test)]
mod tests;
