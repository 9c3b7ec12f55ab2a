//! A running heddle from its start to its end; what `heddle dev` and `heddle run` have in common.

mod access;
mod banner;
mod drain;
mod running;

use broker::embedded::{Embedded, Opened};
use schemas::names::ResourceName;

use self::access::Access;
use self::banner::Facts;
use self::running::{Listeners, Running};
use crate::cli::node::NodeArgs;
use crate::configuration::Configuration;
use crate::console;
use crate::exit::{Exit, OrExit, Outcome};
use crate::ready_file::{self, Ready};
use crate::signals::Signals;
use crate::wiring::Wiring;

/// How a node presents itself once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// A page on the terminal, with something to paste.
    Banner,
    /// A line in the log.
    Log,
}

/// Before anything else: what an earlier run left must not be taken for this one's.
///
/// # Errors
/// [`Exit::Io`] when its ready file cannot be removed.
pub(crate) fn prepare(args: &NodeArgs) -> Outcome {
    withdraw_ready(args)
}

/// Runs a node until a signal stops it.
///
/// # Errors
/// [`Exit::Usage`] for arguments that exclude each other, [`Exit::Io`] for a port, file or data directory that cannot
/// be had, [`Exit::Internal`] when heddle itself fails.
pub(crate) async fn run(args: NodeArgs, configuration: Configuration, greeting: Greeting) -> Outcome {
    configuration.log_remarks();
    let wiring = configuration.wiring;
    let access = Access::new(&args)?;
    let mut signals = Signals::listen()?;
    let listeners = Listeners::bind(&args)?;
    let (engine, opened) = open(&args).await?;
    declare(&engine, &wiring).await?;
    warn_of_detached(&engine, &wiring);
    warn_of_paused(&engine);
    let (console, writer) = console::start().or_exit(Exit::Internal)?;

    let facts = Facts::new(&args, &listeners, &engine, opened, &wiring);
    let mut running = Running::start(engine, listeners, access, wiring, console.clone()).await?;
    announce_ready(&args, &facts)?;
    match greeting {
        Greeting::Banner => console.print(&facts.banner()),
        Greeting::Log => facts.log(),
    }

    let stopped = running.until_stopped(&mut signals).await;
    if let Err(failure) = withdraw_ready(&args) {
        tracing::warn!(%failure, "the ready file stays behind");
    }
    drain::drain(running, args.drain_timeout, &mut signals).await;
    writer.finish();
    stopped
}

async fn open(args: &NodeArgs) -> Outcome<(Embedded, Opened)> {
    Embedded::open(args.storage.options(&args.data))
        .await
        .or_exit(Exit::Io)
}

async fn declare(engine: &Embedded, wiring: &Wiring) -> Outcome {
    for broker in &wiring.brokers {
        engine.declare(broker).await.or_exit(Exit::Io)?;
        engine.set_dedupe(broker, wiring.dedupe.get(broker).copied());
    }
    engine.set_expiry(wiring.expiry.clone());
    Ok(())
}

/// A trigger that left the configuration keeps its position, and its events wait for it.
fn warn_of_detached(engine: &Embedded, wiring: &Wiring) {
    let is_configured = |name: &ResourceName| wiring.triggers.iter().any(|spec| spec.name == *name);
    for subscription in engine.subscriptions() {
        if !is_configured(&subscription.name) {
            tracing::warn!(
                trigger = %subscription.name,
                broker = %subscription.broker,
                backlog = subscription.status.backlog,
                "a trigger is in the data directory and not in the configuration; it delivers nothing and keeps its place until \
                 `heddle trigger forget {}`",
                subscription.name
            );
        }
    }
}

/// A pause outlives the process that it was asked of.
fn warn_of_paused(engine: &Embedded) {
    for subscription in engine.subscriptions() {
        if let Some(pause) = subscription.status.paused {
            tracing::warn!(
                trigger = %subscription.name,
                by = %pause.by,
                reason = pause.reason,
                since = crate::time::rfc3339(pause.at),
                backlog = subscription.status.backlog,
                "a trigger is paused and delivers nothing; `heddle trigger resume {}` lets it go on",
                subscription.name
            );
        }
    }
}

fn withdraw_ready(args: &NodeArgs) -> Outcome {
    match &args.ready_file {
        Some(path) => ready_file::withdraw(path).or_exit(Exit::Io),
        None => Ok(()),
    }
}

fn announce_ready(args: &NodeArgs, facts: &Facts) -> Outcome {
    let Some(path) = &args.ready_file else {
        return Ok(());
    };
    let ready = Ready {
        ingress: facts.ingress.clone(),
        admin: facts.admin.clone(),
        data: &facts.data,
    };
    ready_file::write(path, &ready).or_exit(Exit::Io)
}
