//! The curves: throughput and p99 of ingest against connections, triggers, payload and backlog.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::producers::Producers;
use crate::context::{Aside, Bench};
use crate::event::Shape;
use crate::heddle::Resources;
use crate::load::{Extent, Load, closed};
use crate::plot::{Amount, Point, Sweep};

/// How long each load lasts.
const DURING: Duration = Duration::from_millis(800);
/// Before a closed loop is measured.
const WARM_UP: Duration = Duration::from_millis(200);
/// How long a curve may take before it ends early, on a machine that is busy.
const CURVE: Duration = Duration::from_secs(12);
/// Connections where something else grows.
const CONNECTIONS: usize = 64;
/// An address at which nobody listens: triggers that match nothing need none.
const NOBODY: &str = "http://127.0.0.1:9/";

/// All curves.
pub(super) async fn all(bench: &Bench) -> Result<Vec<Sweep>> {
    Ok(vec![
        connections(bench).await?,
        payload(bench).await?,
        triggers(bench).await?,
        backlog(bench).await?,
    ])
}

async fn connections(bench: &Bench) -> Result<Sweep> {
    let mut heddle = Producers::start(bench, &Resources::default_broker()).await?;
    let bare = bench.fsync_server()?;
    let (began, mut points) = (Instant::now(), Vec::new());
    for connections in [1_u32, 4, 16, 64, 256, 1024] {
        if began.elapsed() > CURVE {
            break;
        }
        let used = usize::try_from(connections)?;
        points.push(point(&mut heddle, Some(&bare), connections.into(), Shape::plain(), used).await?);
    }
    Ok(Sweep {
        name: "connections",
        title: "Ingest of 1 KiB events, by connections",
        against: "keep-alive connections",
        amount: Amount::Count,
        points,
    })
}

async fn payload(bench: &Bench) -> Result<Sweep> {
    let mut heddle = Producers::start(bench, &Resources::default_broker()).await?;
    let bare = bench.fsync_server()?;
    let (began, mut points) = (Instant::now(), Vec::new());
    for bytes in [128_u32, 1 << 10, 8 << 10, 64 << 10, 256 << 10] {
        if began.elapsed() > CURVE {
            break;
        }
        let shape = Shape {
            data_bytes: usize::try_from(bytes)?,
            ..Shape::plain()
        };
        points.push(point(&mut heddle, Some(&bare), bytes.into(), shape, CONNECTIONS).await?);
    }
    Ok(Sweep {
        name: "payload",
        title: "Ingest over 64 connections, by payload",
        against: "data of an event",
        amount: Amount::Bytes,
        points,
    })
}

async fn triggers(bench: &Bench) -> Result<Sweep> {
    let (began, mut points) = (Instant::now(), Vec::new());
    for count in [0_u32, 10, 100, 1000, 10_000] {
        if began.elapsed() > CURVE {
            break;
        }
        let resources = (0..count).fold(Resources::default_broker(), |resources, number| {
            let ty = format!("com.example.other-{number}");
            resources.trigger(&format!("t{number}"), Some(&ty), NOBODY)
        });
        let mut heddle = Producers::start(bench, &resources).await?;
        points.push(point(&mut heddle, None, count.into(), Shape::plain(), CONNECTIONS).await?);
    }
    Ok(Sweep {
        name: "triggers",
        title: "Ingest of 1 KiB events over 64 connections, by triggers",
        amount: Amount::Count,
        against: "triggers that do not match",
        points,
    })
}

async fn backlog(bench: &Bench) -> Result<Sweep> {
    let resources = Resources::default_broker().trigger("held", None, NOBODY);
    let mut heddle = Producers::start(bench, &resources).await?;
    heddle.heddle.pause("held").await?;
    let (began, mut points) = (Instant::now(), Vec::new());
    for events in [0_u32, 10_000, 100_000, 500_000, 1_000_000] {
        if began.elapsed() > CURVE {
            break;
        }
        let missing = u64::from(events).saturating_sub(heddle.acknowledged);
        heddle.fill(Shape::plain(), missing).await?;
        points.push(point(&mut heddle, None, events.into(), Shape::plain(), CONNECTIONS).await?);
    }
    Ok(Sweep {
        name: "backlog",
        title: "Ingest of 1 KiB events over 64 connections, by backlog",
        amount: Amount::Count,
        against: "events that wait for a trigger, at least",
        points,
    })
}

/// Throughput in a closed loop, the bare server's first, then p99 at half of Heddle's.
async fn point(
    heddle: &mut Producers,
    bare: Option<&Aside>,
    x: f64,
    shape: Shape,
    connections: usize,
) -> Result<Point> {
    let extent = Extent::Time {
        warm_up: WARM_UP,
        measured: DURING,
    };
    let mut yardstick_events_per_second = None;
    if let Some(bare) = bare {
        let load = Load {
            to: bare.server.address(),
            server: bare.server.process().id(),
            shape: shape.clone(),
            connections,
            first_id: 0,
        };
        let tally = closed::run(&load, extent).await?.without_errors()?;
        yardstick_events_per_second = Some(tally.rate());
    }
    let events_per_second = heddle.closed(shape.clone(), connections, extent).await?.rate();
    let half = (events_per_second / 2.0).max(1.0);
    let scheduled = heddle.open(shape, connections, half, DURING).await?;
    Ok(Point {
        x,
        events_per_second,
        yardstick_events_per_second,
        p99_ms: scheduled.latencies.percentiles().p99,
    })
}
