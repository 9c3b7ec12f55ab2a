//! What the schemas at the brokers' doors saw, as metrics, read at each scrape.

use std::fmt;

use broker::{SchemaCounts, SchemaGate};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

/// Reads the gate.
#[derive(Debug)]
pub(super) struct SchemaCollector {
    gate: SchemaGate,
}

/// One value a schema: name, help, and how it is read.
struct Family {
    name: &'static str,
    help: &'static str,
    read: fn(&SchemaCounts) -> u64,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "schema_checked_events",
        help: "Events put to a schema",
        read: |counts| counts.checked,
    },
    Family {
        name: "schema_failed_events",
        help: "Of these: events whose data did not fit, accepted, kept or refused as the mode says",
        read: |counts| counts.failed,
    },
];

impl SchemaCollector {
    pub(super) fn new(gate: SchemaGate) -> Self {
        Self { gate }
    }
}

impl Collector for SchemaCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.gate.counts();
        for Family { name, help, read } in FAMILIES {
            let kind = ConstCounter::new(0_u64).metric_type();
            let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
            for counts in &counts {
                let mode = counts.mode.as_str().to_owned();
                let labels = [("schema", counts.schema.to_string()), ("mode", mode)];
                ConstCounter::new(read(counts)).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
