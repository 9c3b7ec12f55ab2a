//! Why a filter lets an event pass or not: every clause with what it found, and which of them decided.
//!
//! A clause decides when its answer alone makes that of the filter what it is: the first condition of a conjunction
//! that fails, the first alternative that holds, or all of them together when none of these is there.

use std::fmt::Write as _;

use cesql::ast::{LogicalOperator, Node, NodeKind};
use serde::{Deserialize, Serialize};

use super::data::{Facts, Found};
use super::sql::Sql;
use super::{Filter, Test};
use crate::event::Event;

/// One clause of a filter and what it said of an event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Clause {
    /// The clause as it is written, about: `exact type: "order.placed"`.
    pub clause: String,
    /// Whether it holds for the event.
    pub holds: bool,
    /// Whether its answer made the filter's.
    pub decided: bool,
    /// The value it looked at; none for one that looks at several, or when there is no such value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What stopped the evaluation of an expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Of a part of an expression: from which byte to which it stands in the expression's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<[usize; 2]>,
    /// Place of this condition among those of the filter that have no clauses inside, in the order written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<usize>,
    /// The clauses inside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<Clause>,
    #[serde(skip)]
    join: Join,
}

/// How a clause's answer comes from those inside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Join {
    /// It holds when all of them do, or it has an answer of its own.
    #[default]
    All,
    /// It holds when one of them does.
    Any,
}

impl Filter {
    /// What each clause says of the event, and which decided.
    pub fn explain(&self, event: &Event) -> Clause {
        let mut leaves = 0;
        let mut clause = self.clause(&Facts::new(event), &mut leaves);
        clause.decide();
        clause
    }

    fn clause(&self, facts: &Facts<'_>, leaves: &mut usize) -> Clause {
        let found = |name: &str| facts.attribute(name).map(str::to_owned);
        match self {
            Self::All(filters) if filters.is_empty() => Clause::new("every event".to_owned(), true),
            Self::All(filters) => group("all", Join::All, filters, facts, leaves),
            Self::Any(filters) => group("any", Join::Any, filters, facts, leaves),
            Self::Not(filter) => {
                let inside = filter.clause(facts, leaves);
                Clause {
                    of: vec![inside.clone()],
                    ..Clause::new("not".to_owned(), !inside.holds)
                }
            }
            Self::Exact(name, value) => {
                self.leaf(facts, leaves, format!("exact {name}: {value:?}"), found(name))
            }
            Self::Prefix(name, value) => {
                self.leaf(facts, leaves, format!("prefix {name}: {value:?}"), found(name))
            }
            Self::Suffix(name, value) => {
                self.leaf(facts, leaves, format!("suffix {name}: {value:?}"), found(name))
            }
            Self::Present(name) => self.leaf(facts, leaves, format!("{name} is not empty"), found(name)),
            Self::Attribute(name, test) => self.leaf(facts, leaves, written(name, test), found(name)),
            Self::Data(pointer, test) => {
                let found = facts.data(pointer, |found| match found {
                    Found::Nothing => None,
                    Found::Scalar(text) => Some(text.into_owned()),
                    Found::Composite => Some("a list or an object".to_owned()),
                });
                self.leaf(facts, leaves, written(&format!("data {pointer}"), test), found)
            }
            Self::Cesql(sql) => {
                let mut clause = self.leaf(facts, leaves, format!("cesql {sql}"), None);
                let (value, error) = sql.evaluate(Some(facts.event()));
                clause.found = Some(value.to_string());
                clause.error = error.map(|error| error.to_string());
                (clause.join, clause.of) = operands(sql, sql.tree(), facts.event());
                clause
            }
        }
    }

    fn leaf(&self, facts: &Facts<'_>, leaves: &mut usize, text: String, found: Option<String>) -> Clause {
        let leaf = Some(*leaves);
        *leaves += 1;
        Clause {
            found,
            leaf,
            ..Clause::new(text, self.holds(facts))
        }
    }
}

impl Clause {
    fn new(clause: String, holds: bool) -> Self {
        Self {
            clause,
            holds,
            decided: false,
            found: None,
            error: None,
            at: None,
            leaf: None,
            of: Vec::new(),
            join: Join::All,
        }
    }

    /// The clauses that decided and hold no others that did, in the order written.
    pub fn deciding(&self) -> Vec<&Self> {
        let inside: Vec<_> = self.of.iter().filter(|clause| clause.decided).collect();
        if inside.is_empty() {
            return vec![self];
        }
        inside.into_iter().flat_map(Self::deciding).collect()
    }

    /// Marks this clause as one that decided, and those inside it that made its answer.
    fn decide(&mut self) {
        self.decided = true;
        // One failure ends a conjunction, one success an alternative; otherwise all of them count.
        // In an expression an error ends either.
        let ends = |clause: &Self| match self.join {
            _ if clause.at.is_some() && clause.error.is_some() => true,
            Join::All => !clause.holds,
            Join::Any => clause.holds,
        };
        let alone = self.of.iter().position(ends);
        match alone.and_then(|at| self.of.get_mut(at)) {
            Some(clause) => clause.decide(),
            None => self.of.iter_mut().for_each(Self::decide),
        }
    }
}

fn group(name: &str, join: Join, filters: &[Filter], facts: &Facts<'_>, leaves: &mut usize) -> Clause {
    let of: Vec<_> = filters
        .iter()
        .map(|filter| filter.clause(facts, leaves))
        .collect();
    let holds = match join {
        Join::All => of.iter().all(|clause| clause.holds),
        Join::Any => of.iter().any(|clause| clause.holds),
    };
    Clause {
        of,
        join,
        ..Clause::new(name.to_owned(), holds)
    }
}

fn written(what: &str, test: &Test) -> String {
    let mut text = what.to_owned();
    // Writing to a String cannot fail.
    let _ = write!(text, ": {test}");
    text
}

/// The operands of an expression that is one run of `AND` or `OR`, each as an expression of its own.
fn operands(sql: &Sql, tree: &Node, event: &Event) -> (Join, Vec<Clause>) {
    let NodeKind::Logical { operator, operands } = &tree.kind else {
        return (Join::All, Vec::new());
    };
    let join = match operator {
        LogicalOperator::And => Join::All,
        LogicalOperator::Or => Join::Any,
        LogicalOperator::Xor => return (Join::All, Vec::new()),
    };
    let parts = operands.iter().filter_map(|operand| part(sql, operand, event));
    (join, parts.collect())
}

/// A part of an expression is an expression: printed, it parses again.
fn part(whole: &Sql, node: &Node, event: &Event) -> Option<Clause> {
    let sql = Sql::try_from(node.to_string()).ok()?;
    let (value, error) = sql.evaluate(Some(event));
    let (join, of) = operands(whole, node, event);
    Some(Clause {
        found: Some(value.to_string()),
        error: error.map(|error| error.message),
        at: Some([node.span.start, node.span.end]),
        of,
        join,
        ..Clause::new(node.span.text(whole.source()).to_owned(), sql.matches(event))
    })
}
