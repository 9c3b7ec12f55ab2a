//! `heddle filter explain`: which clause of a trigger's filter decided about an event, and where it is written.

use std::fmt::Write as _;

use schemas::filter::Clause;
use schemas::resources::Resource;
use schemas::resources::trigger::Trigger;
use schemas::yaml::Place;
use serde::Serialize;

use crate::cli::filter::{ExplainArgs, ExplainOutput, FilterAction, FilterCommand};
use crate::commands::sql::event_of;
use crate::config::load;
use crate::configuration::Configuration;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::output;

/// What is printed as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    trigger: String,
    matches: bool,
    /// The clauses that decided.
    decided: Vec<Decision<'a>>,
    /// All clauses.
    filter: &'a Clause,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision<'a> {
    clause: &'a str,
    /// `file:line:column`, when it is written in a configuration.
    place: Option<String>,
    /// Bytes of the expression, for a part of one.
    at: Option<[usize; 2]>,
}

/// Runs one of the group's commands.
pub(crate) fn run(command: &FilterCommand) -> Outcome {
    match &command.action {
        FilterAction::Explain(args) => explain(args),
    }
}

fn explain(args: &ExplainArgs) -> Outcome {
    let event = event_of(&args.event)?;
    let trigger = trigger_of(args)?;
    let clause = trigger.filter.explain(&event);
    match args.output {
        ExplainOutput::Text => output::print(&text(&clause, &trigger)),
        ExplainOutput::Json => {
            let explanation = Explanation {
                trigger: args.trigger.to_string(),
                matches: clause.holds,
                decided: decisions(&clause, &trigger),
                filter: &clause,
            };
            let json = serde_json::to_string_pretty(&explanation).or_exit(Exit::Internal)?;
            output::print(&format!("{json}\n"))
        }
    }
}

/// The trigger as it is written in a configuration that has no errors.
fn trigger_of(args: &ExplainArgs) -> Outcome<Trigger> {
    Configuration::read(&args.config)?;
    let loaded = load::load(&args.config).or_exit(Exit::Io)?;
    let resources = loaded
        .documents
        .into_iter()
        .flat_map(|document| document.decoded.resources);
    resources
        .filter_map(|resource| match resource {
            Resource::Trigger(trigger) => Some(*trigger),
            _ => None,
        })
        .find(|trigger| trigger.meta.identity.name == args.trigger)
        .ok_or_else(|| {
            let message = format!("the configuration has no Trigger {}", args.trigger);
            Failure::new(Exit::Data, message)
        })
}

fn decisions<'a>(clause: &'a Clause, trigger: &Trigger) -> Vec<Decision<'a>> {
    let mut decisions = Vec::new();
    collect(clause, None, trigger, &mut decisions);
    decisions
}

/// Adds the clauses that decided and hold no others that did. A part of an expression stands where the expression does.
fn collect<'a>(
    clause: &'a Clause,
    around: Option<usize>,
    trigger: &Trigger,
    decisions: &mut Vec<Decision<'a>>,
) {
    let leaf = clause.leaf.or(around);
    let inside: Vec<_> = clause.of.iter().filter(|inside| inside.decided).collect();
    if inside.is_empty() {
        decisions.push(Decision {
            clause: &clause.clause,
            place: leaf.and_then(|leaf| trigger.conditions.get(leaf)).map(shown),
            at: clause.at,
        });
    }
    for clause in inside {
        collect(clause, leaf, trigger, decisions);
    }
}

/// An indented list: `=>` before what decided, yes or no, the clause, what was found and where it is written.
fn text(clause: &Clause, trigger: &Trigger) -> String {
    let answer = if clause.holds { "passes" } else { "does not pass" };
    let mut text = format!(
        "the event {answer} the filter of {}\n",
        trigger.meta.identity.name
    );
    write(&mut text, clause, 1, trigger);
    text
}

fn write(text: &mut String, clause: &Clause, depth: usize, trigger: &Trigger) {
    let decides = clause.decided && !clause.of.iter().any(|inside| inside.decided);
    let mark = if decides { "=>" } else { "  " };
    let answer = if clause.holds { "yes" } else { "no " };
    let indent = "  ".repeat(depth - 1);
    // Writing to a String cannot fail.
    let _ = write!(text, "{mark} {answer}  {indent}{}", clause.clause);
    let looks_at_one = clause.leaf.is_some();
    match &clause.found {
        Some(found) => {
            let _ = write!(text, "  (found {found:?})");
        }
        None if looks_at_one => text.push_str("  (found nothing)"),
        None => {}
    }
    if let Some(error) = &clause.error {
        let _ = write!(text, "  error: {error}");
    }
    if let Some(place) = clause.leaf.and_then(|leaf| trigger.conditions.get(leaf)) {
        let _ = write!(text, "  at {}", shown(place));
    }
    if let Some([from, to]) = clause.at {
        let _ = write!(text, "  at bytes {from}..{to}");
    }
    text.push('\n');
    for inside in &clause.of {
        write(text, inside, depth + 1, trigger);
    }
}

fn shown(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.mark.line, place.mark.column)
}
