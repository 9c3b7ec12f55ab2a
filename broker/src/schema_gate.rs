//! The gate at a broker's door: data of events held to the schemas of the configuration, before anything is stored.
//!
//! Asked by the ingress, by the sources, and for replies and forwarded events. An event may meet several schemas: it is refused when one
//! that refuses does not fit. Each schema counts what it saw, and is logged at most once in a while.
//! One that quarantines lets the event in, but to the dead-letter store; one that refuses beside it goes first.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use schemas::event::Event;
use schemas::filter::Wildcard;
use schemas::names::ResourceName;
use schemas::validation::{DataSchema, Misfit};

use crate::Failure;
use crate::limits::SCHEMA_LOG_INTERVAL;

/// A schema at the doors of some brokers.
#[derive(Clone, Debug)]
pub struct SchemaRule {
    /// The resource's name.
    pub name: ResourceName,
    /// The brokers at whose doors it stands.
    pub brokers: Vec<ResourceName>,
    /// The types that it is for; `None` for all.
    pub ty: Option<Wildcard>,
    /// The `dataschema` that it is for, to the letter; `None` for all, and for events without one.
    pub data_schema: Option<String>,
    /// What becomes of an event that does not fit.
    pub mode: RuleMode,
    /// The schema.
    pub schema: Arc<DataSchema>,
}

/// What becomes of an event that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleMode {
    /// It is stored, counted and logged.
    Warn,
    /// It is kept as a dead letter.
    Quarantine,
    /// It is refused.
    Reject,
}

/// What the schemas at a door say of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It may be stored.
    Fits,
    /// It is to be kept as a dead letter.
    Quarantined(SchemaMismatch),
    /// It may not come in.
    Refused(SchemaMismatch),
}

/// An event whose data does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data does not fit the schema {schema}: {}", .misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct SchemaMismatch {
    /// The schema that refused or quarantined it.
    pub schema: ResourceName,
    /// The first few things that are wrong; at least one.
    pub misfits: Vec<Misfit>,
}

/// What one schema saw since the process started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaCounts {
    /// The resource's name.
    pub schema: ResourceName,
    /// What it does.
    pub mode: RuleMode,
    /// Events that were put to it.
    pub checked: u64,
    /// Of these: events that did not fit.
    pub failed: u64,
}

/// The schemas of all brokers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SchemaGate {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<Rule>,
    doors: HashMap<ResourceName, Door>,
}

/// The rules at one broker's door, as indices: those for one type by the type, the others in a row.
#[derive(Debug, Default)]
struct Door {
    by_type: HashMap<String, Vec<usize>>,
    others: Vec<usize>,
}

#[derive(Debug)]
struct Rule {
    rule: SchemaRule,
    checked: AtomicU64,
    failed: AtomicU64,
    said: Mutex<Said>,
}

/// When a rule was logged last, and how often it was not since.
#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    unsaid: u64,
}

impl SchemaGate {
    /// A gate with these rules.
    #[must_use]
    pub fn new(rules: Vec<SchemaRule>) -> Self {
        let mut doors: HashMap<ResourceName, Door> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for broker in &rule.brokers {
                doors.entry(broker.clone()).or_default().add(rule, index);
            }
        }
        let rules = rules.into_iter().map(Rule::new).collect();
        Self {
            inner: Arc::new(Inner { rules, doors }),
        }
    }

    /// Puts an event to the schemas that are for it. Costs a look-up where none is.
    pub fn check(&self, broker: &ResourceName, event: &Event) -> Verdict {
        let mut verdict = Verdict::Fits;
        let Some(door) = self.inner.doors.get(broker) else {
            return verdict;
        };
        let of_type = door.by_type.get(event.ty()).into_iter().flatten();
        let met = of_type.chain(&door.others);
        let met = met.filter_map(|index| self.inner.rules.get(*index));
        for rule in met.filter(|rule| rule.is_for(event)) {
            match (rule.rule.mode, rule.check(broker, event)) {
                (RuleMode::Reject, Some(mismatch)) => return Verdict::Refused(mismatch),
                (RuleMode::Quarantine, Some(mismatch)) if verdict == Verdict::Fits => {
                    verdict = Verdict::Quarantined(mismatch);
                }
                _ => {}
            }
        }
        verdict
    }

    /// Logs that an event was left out, unless its schema was logged a moment ago. For those who cannot tell the producer.
    pub fn log_left_out(&self, broker: &ResourceName, event: &Event, mismatch: &SchemaMismatch) {
        let mut rules = self.inner.rules.iter();
        if let Some(rule) = rules.find(|rule| rule.rule.name == mismatch.schema) {
            rule.log(broker, event, &mismatch.misfits);
        }
    }

    /// What each schema saw, in the order of the configuration.
    #[must_use]
    pub fn counts(&self) -> Vec<SchemaCounts> {
        let counts = |rule: &Rule| SchemaCounts {
            schema: rule.rule.name.clone(),
            mode: rule.rule.mode,
            checked: rule.checked.load(Ordering::Relaxed),
            failed: rule.failed.load(Ordering::Relaxed),
        };
        self.inner.rules.iter().map(counts).collect()
    }
}

impl RuleMode {
    /// As the configuration writes it, and as a label of a metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

impl SchemaMismatch {
    /// As what a dead letter says of its end. Names no value of the data.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure {
            destination: format!("schema:{}", self.schema),
            code: None,
            data: Vec::new(),
            message: self.to_string(),
        }
    }
}

impl Door {
    fn add(&mut self, rule: &SchemaRule, index: usize) {
        match rule.ty.as_ref().and_then(Wildcard::literal) {
            Some(ty) => self.by_type.entry(ty).or_default().push(index),
            None => self.others.push(index),
        }
    }
}

impl Rule {
    fn new(rule: SchemaRule) -> Self {
        Self {
            rule,
            checked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            said: Mutex::default(),
        }
    }

    fn is_for(&self, event: &Event) -> bool {
        let SchemaRule { ty, data_schema, .. } = &self.rule;
        ty.as_ref().is_none_or(|ty| ty.matches(event.ty()))
            && data_schema
                .as_ref()
                .is_none_or(|uri| event.data_schema() == Some(uri))
    }

    /// What does not fit, if something does not. Who is refused is told; of the others the log tells.
    fn check(&self, broker: &ResourceName, event: &Event) -> Option<SchemaMismatch> {
        self.checked.fetch_add(1, Ordering::Relaxed);
        let misfits = self.rule.schema.check(event).err()?;
        self.failed.fetch_add(1, Ordering::Relaxed);
        if self.rule.mode != RuleMode::Reject {
            self.log(broker, event, &misfits);
        }
        let schema = self.rule.name.clone();
        Some(SchemaMismatch { schema, misfits })
    }

    fn log(&self, broker: &ResourceName, event: &Event, misfits: &[Misfit]) {
        let Some(unsaid) = self.said.lock().now(Instant::now()) else {
            return;
        };
        tracing::warn!(
            schema = %self.rule.name,
            %broker,
            event_type = event.ty(),
            event_source = event.source(),
            event_id = event.id(),
            what = misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            not_logged_before = unsaid,
            "{}",
            match self.rule.mode {
                RuleMode::Reject => "an event of a source is left out: its data does not fit the schema",
                RuleMode::Quarantine => "an event is kept as a dead letter: its data does not fit the schema",
                RuleMode::Warn => "an event is accepted although its data does not fit the schema",
            }
        );
    }
}

impl Said {
    /// How many went unsaid before, when it is time to say something again.
    fn now(&mut self, now: Instant) -> Option<u64> {
        let is_due = self
            .last
            .is_none_or(|last| now.duration_since(last) >= SCHEMA_LOG_INTERVAL);
        if !is_due {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests;
