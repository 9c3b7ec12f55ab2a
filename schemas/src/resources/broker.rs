//! Broker (`eventing.knative.dev/v1`): a named place that stores events for its triggers.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::delivery::DeliverySpec;
use super::duration;
use super::meta::Meta;
use super::scope::Scope;
use crate::limits::{DEDUPE_WINDOW_MAX, DEDUPE_WINDOW_MIN, EXPIRY_MAX, EXPIRY_MIN};
use crate::yaml::{Problem, Reader};

const DEDUPE: &str = "heddle.dev/dedupe";
/// Here and on a Trigger: after how long an event expires that a trigger has not settled.
pub(super) const RETAIN_UNSETTLED: &str = "heddle.dev/retain-unsettled";
const DEAD_LETTER_RETENTION: &str = "heddle.dev/dead-letter-retention";
const CLASS: &str = "eventing.knative.dev/broker.class";
/// Knative's default class; here it stands for the embedded engine.
const CLASS_EMBEDDED: &str = "MTChannelBasedBroker";

/// A broker.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// How its triggers deliver that have no delivery of their own.
    pub delivery: Option<DeliverySpec>,
    /// For how long an event of the same source and id is not stored again; none: as often as it comes.
    pub dedupe: Option<Duration>,
    /// After how long an event expires that one of its triggers has not settled, unless the trigger says otherwise; none:
    /// never.
    pub retain_unsettled: Option<Duration>,
    /// After how long a dead letter leaves the store; none: never.
    pub dead_letter_retention: Option<Duration>,
}

impl Broker {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Broker> {
        if let Some(meta) = &meta {
            meta.review_annotations(
                document,
                &[CLASS, DEDUPE, RETAIN_UNSETTLED, DEAD_LETTER_RETENTION],
            );
            check_class(document, meta);
        }
        let window = DEDUPE_WINDOW_MIN..=DEDUPE_WINDOW_MAX;
        let duration = |name, range| duration_of(document, meta.as_ref(), name, range);
        let dedupe = duration(DEDUPE, window);
        let retain_unsettled = duration(RETAIN_UNSETTLED, EXPIRY_MIN..=EXPIRY_MAX);
        let dead_letter_retention = duration(DEAD_LETTER_RETENTION, EXPIRY_MIN..=EXPIRY_MAX);
        let delivery = document.field("spec").map(|spec| {
            spec.notice("config", "the embedded engine needs none");
            DeliverySpec::decode(&spec.field("delivery"), scope)
        });
        Some(Broker {
            delivery,
            dedupe,
            retain_unsettled,
            dead_letter_retention,
            meta: meta?,
        })
    }
}

/// The annotation `name`, if it is there.
pub(super) fn duration_of(
    document: &Reader<'_>,
    meta: Option<&Meta>,
    name: &str,
    range: RangeInclusive<Duration>,
) -> Option<Duration> {
    let text = meta?.annotation(name)?;
    duration::of_annotation(document, name, text, range)
}

fn check_class(document: &Reader<'_>, meta: &Meta) {
    let Some(class) = meta
        .annotation(CLASS)
        .filter(|class| class.value != CLASS_EMBEDDED)
    else {
        return;
    };
    let message = format!(
        "broker class \"{}\" is not available in this version",
        class.value
    );
    let help = format!("leave the annotation out or write {CLASS_EMBEDDED}: both mean the embedded engine");
    document
        .findings()
        .add(Problem::error(&class.place, message).with_help(help));
}
