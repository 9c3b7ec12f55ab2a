//! Broker (`eventing.knative.dev/v1`): a named place that stores events for its triggers.

use std::time::Duration;

use super::delivery::DeliverySpec;
use super::duration;
use super::meta::Meta;
use super::scope::Scope;
use crate::limits::{DEDUPE_WINDOW_MAX, DEDUPE_WINDOW_MIN};
use crate::yaml::{Problem, Reader};

const DEDUPE: &str = "heddle.dev/dedupe";
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
}

impl Broker {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Broker> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[CLASS, DEDUPE]);
            check_class(document, meta);
        }
        let dedupe = meta.as_ref().and_then(|meta| meta.annotation(DEDUPE));
        let dedupe = dedupe.and_then(|text| {
            let range = DEDUPE_WINDOW_MIN..=DEDUPE_WINDOW_MAX;
            duration::of_annotation(document, DEDUPE, text, range)
        });
        let delivery = document.field("spec").map(|spec| {
            spec.notice("config", "the embedded engine needs none");
            DeliverySpec::decode(&spec.field("delivery"), scope)
        });
        Some(Broker {
            delivery,
            dedupe,
            meta: meta?,
        })
    }
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
