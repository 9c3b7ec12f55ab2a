//! DeliverySpec: how hard to try, and where to put what cannot be delivered (`duck.knative.dev/v1`).

use std::time::Duration;

use super::destination::Destination;
use super::duration;
use super::scope::Scope;
use crate::yaml::{Field, Place, Problem, Reader};

/// What a `delivery` says. What it leaves out has no default of its own: no retries, no wait, no dead letter sink.
#[derive(Clone, Debug)]
pub struct DeliverySpec {
    /// Where the delivery stands.
    pub place: Place,
    /// How often to try again after the first attempt.
    pub retry: Option<u32>,
    /// The longest one attempt may take; longer than zero.
    pub timeout: Option<Duration>,
    /// How waits grow; none: exponentially.
    pub backoff_policy: Option<BackoffPolicy>,
    /// The wait that grows; none: no wait between attempts.
    pub backoff_delay: Option<Duration>,
    /// The longest wait that a receiver may ask for with Retry-After. Zero: its Retry-After is not heeded.
    pub retry_after_max: Option<Duration>,
    /// Where events go after the last attempt.
    pub dead_letter_sink: Option<Destination>,
    /// How events are put on the wire.
    pub format: Option<DeliveryFormat>,
}

/// How the wait before the n-th retry follows from the delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackoffPolicy {
    /// delay times n
    Linear,
    /// delay times 2^n
    Exponential,
}

/// How events are put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFormat {
    /// Attributes as headers, data as the body.
    Binary,
    /// The JSON event format as the body.
    Json,
}

impl DeliverySpec {
    /// Reads a `delivery` of a resource in `namespace`, when that is known. An empty mapping is a delivery too.
    pub(super) fn decode(field: &Field<'_>, scope: &Scope) -> Option<DeliverySpec> {
        let spec = field.map(|reader| {
            Some(DeliverySpec {
                place: reader.place(),
                retry: reader
                    .field("retry")
                    .integer(0..=i64::from(i32::MAX))
                    .and_then(|retry| u32::try_from(retry).ok()),
                timeout: duration::decode_positive(&reader.field("timeout")),
                backoff_policy: reader.field("backoffPolicy").one_of(&[
                    ("linear", BackoffPolicy::Linear),
                    ("exponential", BackoffPolicy::Exponential),
                ]),
                backoff_delay: duration::decode(&reader.field("backoffDelay")),
                retry_after_max: duration::decode(&reader.field("retryAfterMax")),
                dead_letter_sink: Destination::decode(&reader.field("deadLetterSink"), scope),
                format: reader
                    .field("format")
                    .one_of(&[("binary", DeliveryFormat::Binary), ("json", DeliveryFormat::Json)]),
            })
            .inspect(|_| warn_of_half_a_backoff(reader))
        })?;
        Some(spec)
    }
}

/// A policy without a delay means no wait at all, which is rarely what was meant; a delay without a policy has a policy that is
/// worth knowing.
fn warn_of_half_a_backoff(reader: &Reader<'_>) {
    let half = reader.present(&["backoffPolicy", "backoffDelay"]);
    let [half] = half.as_slice() else { return };
    let field = reader.field(half);
    reader.findings().add(match *half {
        "backoffPolicy" => {
            let message = format!(
                "{} has no effect without backoffDelay: retries do not wait",
                field.path()
            );
            Problem::warning(&field.name_place(), message)
        }
        _ => {
            let message = format!("{} without backoffPolicy grows exponentially", field.path());
            Problem::notice(&field.name_place(), message)
        }
    });
}
