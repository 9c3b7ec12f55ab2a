//! Which dead letters a request speaks of: the same fields in a list's query and in a command's body.

use std::collections::HashSet;

use broker::embedded::{DeadLetterFilter, DeadLetterPlace, DeadLetterQuery};
use broker::{DeadLetterReason, Timestamp};
use schemas::names::ResourceName;
use serde::Deserialize;

use crate::limits;
use crate::server::problem::{Kind, Problem};

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server::admin) struct ListQuery {
    broker: Option<ResourceName>,
    trigger: Option<ResourceName>,
    reason: Option<DeadLetterReason>,
    #[serde(rename = "type")]
    ty: Option<String>,
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
    limit: Option<usize>,
    /// What the page before gave as `next`.
    before: Option<String>,
}

/// Body of a command.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::server::admin) struct Command {
    broker: Option<ResourceName>,
    trigger: Option<ResourceName>,
    reason: Option<DeadLetterReason>,
    #[serde(rename = "type")]
    ty: Option<String>,
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
    #[serde(default)]
    ids: HashSet<String>,
    /// All of them: asked for when nothing else is said.
    #[serde(default)]
    all: bool,
    /// Of a redrive: most deliveries a second.
    rate: Option<u32>,
    /// Count, and change nothing.
    #[serde(default)]
    pub(super) dry_run: bool,
}

impl ListQuery {
    pub(super) fn checked(self) -> Result<DeadLetterQuery, Problem> {
        let before: Option<DeadLetterPlace> = match self.before {
            Some(before) => {
                let parsed = before.parse();
                let problem =
                    |error: broker::embedded::NoPlace| Problem::new(Kind::Invalid, error.to_string());
                Some(parsed.map_err(|error| problem(error).at("before"))?)
            }
            None => None,
        };
        Ok(DeadLetterQuery {
            filter: DeadLetterFilter {
                broker: self.broker,
                trigger: self.trigger,
                reason: self.reason,
                ty: self.ty,
                since: self.since.map(timestamp),
                until: self.until.map(timestamp),
                ids: HashSet::new(),
            },
            limit: self
                .limit
                .unwrap_or(limits::DEAD_LETTERS_MAX)
                .min(limits::DEAD_LETTERS_MAX),
            before,
        })
    }
}

impl Command {
    /// The rate, which is at least one.
    pub(super) fn rate(&self) -> Result<Option<u32>, Problem> {
        match self.rate {
            Some(0) => Err(Problem::new(Kind::Invalid, "a redrive delivers at least 1 a second").at("rate")),
            rate => Ok(rate),
        }
    }

    /// A command that selects everything says so.
    pub(super) fn checked(self) -> Result<DeadLetterFilter, Problem> {
        let filter = DeadLetterFilter {
            broker: self.broker,
            trigger: self.trigger,
            reason: self.reason,
            ty: self.ty,
            since: self.since.map(timestamp),
            until: self.until.map(timestamp),
            ids: self.ids,
        };
        if self.all != (filter == DeadLetterFilter::default()) {
            let detail = if self.all {
                "`all` stands alone; leave it out to select by the other fields"
            } else {
                "say which dead letters: broker, trigger, reason, type, since, until, ids, or \"all\": true"
            };
            return Err(Problem::new(Kind::Invalid, detail));
        }
        Ok(filter)
    }
}

fn timestamp(time: jiff::Timestamp) -> Timestamp {
    Timestamp(u64::try_from(time.as_millisecond()).unwrap_or(0))
}
