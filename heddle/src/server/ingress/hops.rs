//! The loop guard at the door: Knative's `knativebrokerttl` becomes the count of passes left and leaves the event.

use broker::limits::HOPS_MAX;
use schemas::event::Event;

use crate::server::problem::{Kind, Problem};

/// The extension by which one broker tells the next how many passes are left.
const EXTENSION: &str = "knativebrokerttl";

/// Takes the extension out of every event and answers the passes left: [`HOPS_MAX`], or what came in when that is
/// lower. A batch is stored with one count, the lowest of its events: too few passes end a loop early, too many
/// never would.
///
/// # Errors
/// 400 for a count that is used up or is no number.
pub(super) fn take(events: &mut [Event], is_batch: bool) -> Result<u8, Problem> {
    let mut hops = HOPS_MAX;
    for (index, event) in events.iter_mut().enumerate() {
        let Some(attribute) = event.attribute(EXTENSION) else {
            continue;
        };
        let left = parse(attribute.value).map_err(|detail| {
            let mut problem = Problem::new(Kind::Invalid, detail).at(EXTENSION);
            problem.index = is_batch.then_some(index);
            problem
        })?;
        hops = hops.min(left);
        *event = event.without(&[EXTENSION]);
    }
    Ok(hops)
}

fn parse(value: &str) -> Result<u8, String> {
    let left: i64 = value.trim().parse().map_err(|_| {
        format!(
            "`{EXTENSION}` must be a whole number, not `{}`",
            value.escape_debug()
        )
    })?;
    if left <= 0 {
        return Err(format!(
            "`{EXTENSION}` is {left}: the event has made all the passes through brokers that it may"
        ));
    }
    Ok(u8::try_from(left).unwrap_or(HOPS_MAX))
}

#[cfg(test)]
mod tests;
