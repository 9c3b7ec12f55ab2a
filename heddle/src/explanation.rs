//! Why a trigger's filter lets an event pass or not, with the places where its conditions are written. Made from a
//! configuration or by a running heddle, and the same for both.

use std::fmt::Write as _;

use schemas::event::Event;
use schemas::filter::{Clause, Filter};
use schemas::names::ResourceName;
use schemas::yaml::Place;
use serde::{Deserialize, Serialize};

/// Which clauses of a filter decided about an event, and what each of them said.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    trigger: ResourceName,
    matches: bool,
    /// The clauses that decided.
    decided: Vec<Decision>,
    /// All clauses.
    filter: Clause,
    /// Where the conditions are written (`file:line:column`), by the `leaf` of their clause.
    places: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    clause: String,
    /// `file:line:column`, when it is written in a configuration.
    place: Option<String>,
    /// Bytes of the expression, for a part of one.
    at: Option<[usize; 2]>,
}

impl Explanation {
    /// Explains what the filter of a trigger says of an event.
    pub(crate) fn new(trigger: &ResourceName, filter: &Filter, places: &[Place], event: &Event) -> Self {
        let shown = |place: &Place| format!("{}:{}:{}", place.file, place.mark.line, place.mark.column);
        let places: Vec<_> = places.iter().map(shown).collect();
        let filter = filter.explain(event);
        let mut decided = Vec::new();
        collect(&filter, None, &places, &mut decided);
        Self {
            trigger: trigger.clone(),
            matches: filter.holds,
            decided,
            filter,
            places,
        }
    }

    /// An indented list: `=>` before what decided, yes or no, the clause, what was found and where it is written.
    pub(crate) fn text(&self) -> String {
        let answer = if self.matches { "passes" } else { "does not pass" };
        let mut text = format!("the event {answer} the filter of {}\n", self.trigger);
        self.write(&mut text, &self.filter, 1);
        text
    }

    fn write(&self, text: &mut String, clause: &Clause, depth: usize) {
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
        if let Some(place) = clause.leaf.and_then(|leaf| self.places.get(leaf)) {
            let _ = write!(text, "  at {place}");
        }
        if let Some([from, to]) = clause.at {
            let _ = write!(text, "  at bytes {from}..{to}");
        }
        text.push('\n');
        for inside in &clause.of {
            self.write(text, inside, depth + 1);
        }
    }
}

/// Adds the clauses that decided and hold no others that did. A part of an expression stands where the expression does.
fn collect(clause: &Clause, around: Option<usize>, places: &[String], decisions: &mut Vec<Decision>) {
    let leaf = clause.leaf.or(around);
    let inside: Vec<_> = clause.of.iter().filter(|inside| inside.decided).collect();
    if inside.is_empty() {
        decisions.push(Decision {
            clause: clause.clause.clone(),
            place: leaf.and_then(|leaf| places.get(leaf)).cloned(),
            at: clause.at,
        });
    }
    for clause in inside {
        collect(clause, leaf, places, decisions);
    }
}
