//! Broker (`eventing.knative.dev/v1`): a named place that stores events for its triggers.

use super::delivery::DeliverySpec;
use super::meta::Meta;
use super::scope::Scope;
use crate::yaml::{Problem, Reader};

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
}

impl Broker {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Broker> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[CLASS]);
            check_class(document, meta);
        }
        let delivery = document.field("spec").map(|spec| {
            spec.notice("config", "the embedded engine needs none");
            DeliverySpec::decode(&spec.field("delivery"), scope)
        });
        Some(Broker {
            delivery,
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
