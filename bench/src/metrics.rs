//! Heddle's metrics: the names of those that are read here, and how.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use crate::web;

/// Events that brokers stored since the process started.
pub(crate) const STORED: &str = "heddle_broker_stored_total";

/// Segments that left the journal since the process started.
pub(crate) const RETIRED: &str = "heddle_journal_retired_segments_total";

/// Events that a trigger has yet to get.
pub(crate) const BACKLOG: &str = "heddle_trigger_backlog";

/// The sum of a metric over all its labels.
pub(crate) async fn sum(admin: SocketAddr, name: &str) -> Result<f64> {
    let text = web::get(admin, "/metrics").await?;
    sum_of(&text, name)
}

fn sum_of(text: &str, name: &str) -> Result<f64> {
    let mut sum = 0.0;
    for line in text.lines().filter_map(|line| line.strip_prefix(name)) {
        if line.starts_with(['{', ' ']) {
            let value = line.rsplit(' ').next().context("a value")?;
            sum += value.parse::<f64>()?;
        }
    }
    // A counter without any labels yet is not shown.
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_not_mixed_with_one_of_a_longer_name() {
        let text = "# TYPE a counter\na_total{b=\"x y\"} 2\na_total{b=\"z\"} 3\na_total_more 7\nc 1\n";
        assert_eq!(sum_of(text, "a_total").expect("a sum"), 5.0);
        assert_eq!(sum_of(text, "c").expect("a sum"), 1.0);
        assert_eq!(sum_of(text, "none").expect("a sum"), 0.0);
    }
}
