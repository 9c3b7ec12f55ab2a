//! Counts the instructions of one walk of each path, under callgrind, and compares them with the baseline.
//!
//! `micro-instructions` counts all paths and ends with an error when one has grown by more than a twentieth;
//! `--update` writes what it counted as the new baseline; `--walk NAME TIMES` is what runs under callgrind. A path is
//! walked `WALKS` and twice `WALKS` times, and the difference is what counts: start, preparation and first walks fall out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use micro::paths::{self, PATHS};
use micro::report::{self, Verdict};

const WALKS: u64 = 400;
/// How far a count may be over its baseline.
const GROWTH_MAX: f64 = 0.05;
/// How much more 10,000 triggers may cost than 10.
const MATCH_RATIO_MAX: f64 = 2.0;

/// Instructions of one walk by path.
type Counts = BTreeMap<String, u64>;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => check(),
        ["--update"] => update(),
        ["--walk", name, times] => walk(name, times.parse().context("how often to walk")?),
        _ => bail!("usage: micro-instructions [--update | --walk NAME TIMES]"),
    }
}

fn walk(name: &str, times: u64) -> anyhow::Result<ExitCode> {
    let path = paths::find(name).with_context(|| format!("no path is called {name}"))?;
    let mut walk = (path.prepare)();
    (0..times).for_each(|_| walk());
    Ok(ExitCode::SUCCESS)
}

fn update() -> anyhow::Result<ExitCode> {
    let counts = count_all()?;
    let mut text = serde_json::to_string_pretty(&counts)?;
    text.push('\n');
    std::fs::write(baseline_path(), text)?;
    for (name, count) in counts {
        println!("{name:<24} {count:>9}");
    }
    Ok(ExitCode::SUCCESS)
}

fn check() -> anyhow::Result<ExitCode> {
    let path = baseline_path();
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let baseline: Counts = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let counts = count_all()?;
    report::heading("instructions of one event");
    let mut broken = false;
    for path in &PATHS {
        let count = counts.get(path.name).copied().context("every path was counted")?;
        broken |= told(path.name, count, baseline.get(path.name).copied()) == Verdict::Broken;
    }
    broken |= compared("match-10k", "match-10", &counts) == Verdict::Broken;
    for name in baseline.keys().filter(|name| !counts.contains_key(*name)) {
        println!("  {name} is in the baseline and is no path any more");
        broken = true;
    }
    if broken {
        println!("\nA count that is to grow, or is new, is told to the baseline by `make bench-baseline`.");
    }
    Ok(ExitCode::from(u8::from(broken)))
}

/// A path without a baseline is an error: it would grow unseen.
fn told(name: &str, count: u64, baseline: Option<u64>) -> Verdict {
    let Some(baseline) = baseline else {
        report::line(name, &count.to_string(), "no baseline", Verdict::Broken);
        return Verdict::Broken;
    };
    let growth = count as f64 / baseline as f64 - 1.0;
    let verdict = Verdict::at_most(growth, Some(GROWTH_MAX));
    let limit = format!("{baseline} {:+.1}%", growth * 100.0);
    report::line(name, &count.to_string(), &limit, verdict);
    verdict
}

fn compared(many: &str, few: &str, counts: &Counts) -> Verdict {
    let count = |name| counts.get(name).copied().unwrap_or_default() as f64;
    let ratio = count(many) / count(few);
    let verdict = Verdict::at_most(ratio, Some(MATCH_RATIO_MAX));
    let name = format!("{many} / {few}");
    report::line(
        &name,
        &format!("{ratio:.2}"),
        &format!("<= {MATCH_RATIO_MAX}"),
        verdict,
    );
    verdict
}

fn count_all() -> anyhow::Result<Counts> {
    let names = PATHS.iter().map(|path| path.name);
    names.map(|name| Ok((name.to_owned(), count(name)?))).collect()
}

fn count(name: &str) -> anyhow::Result<u64> {
    let (once, twice) = (total(name, WALKS)?, total(name, 2 * WALKS)?);
    ensure!(twice > once, "{name}: more walks took no more instructions");
    Ok((twice - once) / WALKS)
}

/// Instructions of a whole process that walks the path so often.
fn total(name: &str, walks: u64) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--walk", name, &walks.to_string()])
        .output()
        .context("valgrind cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed under callgrind: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.with_context(|| format!("callgrind told no count: {said}"))?;
    Ok(count.trim().parse()?)
}

fn baseline_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
}
