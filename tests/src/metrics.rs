//! `/metrics` as numbers, and the equations that hold between them when nothing is on its way.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of one scrape.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// By name and labels as written, such as `heddle_broker_stored_total{broker="default/default"}`.
    samples: BTreeMap<String, f64>,
}

/// What a trigger's matched events have become, but for those that a seek skipped where there are such.
const FATES: [&str; 10] = [
    "delivered_total",
    "dead_letter_sink_total",
    "dead_lettered_total",
    "expired_total",
    "unreadable_total",
    "ready",
    "in_flight",
    "waiting_retry",
    "waiting_behind_key",
    "parked_keys",
];

impl Metrics {
    /// Reads the text format; panics at a line that is none.
    pub fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line
                .rsplit_once(' ')
                .unwrap_or_else(|| panic!("no sample: {line}"));
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            (name.to_owned(), value)
        };
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self {
            samples: lines.map(sample).collect(),
        }
    }

    /// A sample without labels, or with these as they are written; 0 when it is not there.
    pub fn get(&self, name: &str) -> f64 {
        self.samples.get(name).copied().unwrap_or(0.0)
    }

    /// The sum of all samples of a family whose labels begin with these.
    fn sum(&self, start: &str) -> f64 {
        let found = self.samples.iter().filter(|(name, _)| name.starts_with(start));
        found.map(|(_, value)| value).sum()
    }

    /// The values of a label over all samples of a family.
    fn labels(&self, family: &str, label: &str) -> BTreeSet<String> {
        let start = format!("{family}{{{label}=\"");
        let names = self.samples.keys().filter_map(|name| name.strip_prefix(&start));
        names
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect()
    }

    /// Which equations do not hold, in words; none when all do.
    ///
    /// - a broker: received = stored + deduplicated + quarantined + rejected, and no more is stored than its stream has
    /// - a trigger: matched = delivered + taken by the dead letter sink + dead-lettered + expired + unreadable + ready + in
    ///   flight + waiting for a retry, behind its key or parked + skipped by a seek
    pub fn discrepancies(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for broker in self.labels("heddle_broker_received_total", "broker") {
            let of = |name: &str| self.sum(&format!("heddle_broker_{name}_total{{broker=\"{broker}\""));
            let (received, stored, seen, rejected) =
                (of("received"), of("stored"), of("deduplicated"), of("rejected"));
            let kept = of("quarantined");
            if received != stored + seen + kept + rejected || stored > of("events") {
                let events = of("events");
                wrong.push(format!(
                    "broker {broker}: received {received}, stored {stored} of {events}, deduplicated {seen}, quarantined {kept}, rejected {rejected}"
                ));
            }
        }
        for trigger in self.labels("heddle_trigger_matched", "trigger") {
            let of = |name: &str| self.get(&format!("heddle_trigger_{name}{{trigger=\"{trigger}\"}}"));
            let fates: f64 = FATES.iter().map(|fate| of(fate)).sum();
            let skipped = of("skipped_total");
            if of("matched") != fates + skipped {
                let fates: Vec<_> = FATES.iter().map(|fate| format!("{fate} {}", of(fate))).collect();
                wrong.push(format!(
                    "trigger {trigger}: matched {}, {}, skipped {skipped}",
                    of("matched"),
                    fates.join(", ")
                ));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_does_not_hold_is_named_and_one_that_does_is_not() {
        let broker = |stored: u32| {
            format!(
                "# TYPE x counter\nheddle_broker_received_total{{broker=\"a/b\"}} 5\nheddle_broker_events_total{{broker=\"a/b\"}} 9\n\
                 heddle_broker_stored_total{{broker=\"a/b\"}} {stored}\nheddle_broker_deduplicated_total{{broker=\"a/b\"}} 1\n\
                 heddle_broker_rejected_total{{broker=\"a/b\",reason=\"conflict\"}} 1\n\
                 heddle_broker_rejected_total{{broker=\"a/b\",reason=\"invalid\"}} 1\n"
            )
        };
        assert_eq!(Metrics::parse(&broker(2)).discrepancies().len(), 0);
        assert!(Metrics::parse(&broker(3)).discrepancies()[0].contains("broker a/b: received 5, stored 3"));
        let trigger = |waiting: u32| {
            format!(
                "heddle_trigger_matched{{trigger=\"a/t\"}} 3\nheddle_trigger_delivered_total{{trigger=\"a/t\"}} 2\n\
                 heddle_trigger_waiting_retry{{trigger=\"a/t\"}} {waiting}\n"
            )
        };
        assert_eq!(Metrics::parse(&trigger(1)).discrepancies().len(), 0);
        assert!(Metrics::parse(&trigger(0)).discrepancies()[0].contains("trigger a/t: matched 3"));
    }
}
