//! `heddle doctor`: looks through a data directory, every checksum of it, and says what is wrong and what to do.
//!
//! It reads and changes nothing, so that it may be run beside a heddle that works on the directory.

mod report;

use broker::embedded::examine;

use self::report::Report;
use crate::cli::backup::DoctorArgs;
use crate::cli::node::ReportOutput;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::output;

/// Looks, prints, and fails when something is wrong.
pub(crate) async fn run(args: DoctorArgs) -> Outcome {
    let data = args.data;
    let examined = tokio::task::spawn_blocking(move || examine(&data));
    let examined = examined.await.or_exit(Exit::Internal)?.or_exit(Exit::Io)?;
    let report = Report::of(&examined);
    output::print(&match args.output {
        ReportOutput::Text => report.text(),
        ReportOutput::Json => report.json(),
    })?;
    if report.is_healthy() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Data,
        format!("something is wrong with {}", examined.directory.display()),
    ))
}
