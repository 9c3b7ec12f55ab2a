//! In which order a trigger delivers, and what holds an ordered key up: annotations of a Trigger.
//!
//! The order has two names, Knative's and ours, that mean the same; saying two different things with them is an error.

use std::fmt;

use super::meta::Meta;
use crate::yaml::{Located, Place, Problem, Reader};

/// Knative's annotation for the order.
pub const KAFKA_ORDER: &str = "kafka.eventing.knative.dev/delivery.order";
/// Heddle's annotation for the order.
pub const ORDER: &str = "heddle.dev/delivery-order";
/// What becomes of an event that its subscriber did not take.
pub const AFTER_LAST_ATTEMPT: &str = "heddle.dev/after-last-attempt";

/// Which of a trigger's events wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryOrder {
    /// None do.
    #[default]
    Unordered,
    /// Those of one `partitionkey`.
    Ordered,
}

/// What becomes of an event after its last attempt, and of those behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterLastAttempt {
    /// It is dead-lettered, and the next has its turn.
    #[default]
    SkipToDeadLetter,
    /// It waits for a person, and its key with it.
    Park,
    /// It is tried for ever, and its key waits for it.
    Block,
}

/// A choice and where it was made, if it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen<T> {
    /// The choice, or the default.
    pub value: T,
    /// None when nothing was said.
    pub place: Option<Place>,
}

impl DeliveryOrder {
    const WORDS: [(&'static str, Self); 2] = [("ordered", Self::Ordered), ("unordered", Self::Unordered)];

    /// What the annotations say; two that contradict each other are reported, and words that are not known.
    pub(super) fn decode(document: &Reader<'_>, meta: &Meta) -> Self {
        let of = |name: &'static str| {
            let text = meta.annotation(name)?;
            Some((text, word(document, name, text, &Self::WORDS)?))
        };
        match (of(KAFKA_ORDER), of(ORDER)) {
            (Some((kafka, theirs)), Some((own, ours))) if theirs != ours => {
                let message = format!(
                    "{ORDER}: {} contradicts {KAFKA_ORDER}: {}, and both mean the order of delivery",
                    own.value, kafka.value
                );
                let problem = Problem::error(&own.place, message).with_help("say it once, or the same twice");
                document.findings().add(problem);
                ours
            }
            (Some((_, order)), _) | (None, Some((_, order))) => order,
            (None, None) => Self::default(),
        }
    }
}

impl AfterLastAttempt {
    const WORDS: [(&'static str, Self); 3] = [
        ("skip-to-dead-letter", Self::SkipToDeadLetter),
        ("park", Self::Park),
        ("block", Self::Block),
    ];

    /// What the annotation says. It means something for an ordered trigger only, and is an error elsewhere.
    pub(super) fn decode(document: &Reader<'_>, meta: &Meta, order: DeliveryOrder) -> Chosen<Self> {
        let Some(text) = meta.annotation(AFTER_LAST_ATTEMPT) else {
            return Chosen::default();
        };
        let value = word(document, AFTER_LAST_ATTEMPT, text, &Self::WORDS).unwrap_or_default();
        if order == DeliveryOrder::Unordered {
            let message = format!("{AFTER_LAST_ATTEMPT} is for ordered triggers, and this one is unordered");
            let help = format!("add {ORDER}: ordered, or leave it out");
            document
                .findings()
                .add(Problem::error(&text.place, message).with_help(help));
        }
        Chosen {
            value,
            place: Some(text.place.clone()),
        }
    }
}

impl fmt::Display for AfterLastAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::WORDS.iter().find(|(_, value)| value == self);
        f.write_str(found.map_or("", |(word, _)| word))
    }
}

fn word<T: Copy>(
    document: &Reader<'_>,
    name: &str,
    text: &Located<String>,
    words: &[(&'static str, T)],
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("{name} cannot be \"{}\"", text.value);
        let problem = Problem::error(&text.place, message);
        document
            .findings()
            .add(problem.with_candidates(&text.value, "it can be", &known));
    }
    found.map(|(_, value)| *value)
}
