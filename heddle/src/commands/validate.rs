//! `heddle validate`: checks a configuration, tells everything that is wrong with it, starts nothing.

use crate::cli::node::{ReportOutput, ValidateArgs};
use crate::configuration::{self, Configuration};
use crate::exit::Outcome;
use crate::output;

/// Reads, reports, sums up.
pub(crate) fn run(args: &ValidateArgs) -> Outcome {
    let checked = Configuration::check(&args.paths)?;
    let report = checked
        .as_ref()
        .map_or_else(|report| report, |configuration| &configuration.report);
    match args.output {
        ReportOutput::Text => anstream::eprint!("{}", report.render()),
        ReportOutput::Json => output::print(&format!("{:#}\n", report.to_json()))?,
    }
    let configuration = checked.map_err(|report| configuration::refused(&report))?;
    match args.output {
        ReportOutput::Text => output::print(&summary(&configuration)),
        ReportOutput::Json => Ok(()),
    }
}

fn summary(Configuration { plan, report, .. }: &Configuration) -> String {
    let resources = [
        (plan.brokers.len(), "broker"),
        (plan.triggers.len(), "trigger"),
        (plan.sources.len(), "source"),
        (plan.endpoints.len(), "endpoint"),
    ]
    .map(|(count, what)| plural(count, what));
    let remarks = report.counts();
    let remarks =
        [(remarks.warnings, "warning"), (remarks.notices, "notice")].map(|(count, what)| plural(count, what));
    format!("valid: {}; {}\n", resources.join(", "), remarks.join(", "))
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
