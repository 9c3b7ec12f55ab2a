//! From files to a wiring: loaded, resolved, judged by the parts that will run it, and every mistake reported at once.

use std::path::PathBuf;

use schemas::yaml::Severity;

use crate::config::load::{self, Loaded};
use crate::config::plan::Plan;
use crate::config::report::Report;
use crate::config::resolve::{self, Resolved};
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::wiring::Wiring;

/// The configuration of `heddle dev`, in the words that a user would write.
const DEV: &str = include_str!("dev.yaml");

/// A configuration without errors.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) plan: Plan,
    pub(crate) wiring: Wiring,
    /// Warnings and notices.
    pub(crate) report: Report,
}

impl Configuration {
    /// Reads files and folders; mistakes are printed on standard error.
    ///
    /// # Errors
    /// [`Exit::Io`] for a path that cannot be read; [`Exit::Data`] for mistakes.
    pub(crate) fn read(paths: &[PathBuf]) -> Outcome<Self> {
        Self::check(paths)?.map_err(|report| {
            anstream::eprint!("{}", report.render());
            refused(&report)
        })
    }

    /// Reads files and folders; mistakes are answered.
    ///
    /// # Errors
    /// [`Exit::Io`] for a path that cannot be read.
    pub(crate) fn check(paths: &[PathBuf]) -> Outcome<Result<Self, Report>> {
        let loaded = load::load(paths).or_exit(Exit::Io)?;
        Ok(Self::of(&loaded))
    }

    /// What `heddle dev` runs.
    pub(crate) fn dev() -> Outcome<Self> {
        Self::of(&load::from_texts([("dev.yaml", DEV)])).map_err(|report| refused(&report))
    }

    fn of(loaded: &Loaded) -> Result<Self, Report> {
        let Resolved { plan, report } = resolve::resolve(loaded);
        let Some(plan) = plan else { return Err(report) };
        match Wiring::of(&plan) {
            Ok(wiring) => Ok(Self { plan, wiring, report }),
            Err(problems) => Err(report.with(problems)),
        }
    }

    /// Logs what is accepted and does less than someone may think.
    pub(crate) fn log_remarks(&self) {
        for problem in self.report.problems() {
            let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
            let help = problem.help.as_deref();
            match problem.severity {
                Severity::Error | Severity::Warning => tracing::warn!(place, help, "{}", problem.message),
                Severity::Notice => tracing::info!(place, help, "{}", problem.message),
            }
        }
    }
}

/// The sum of a report with errors.
pub(crate) fn refused(report: &Report) -> Failure {
    let errors = report.counts().errors;
    let plural = if errors == 1 { "" } else { "s" };
    Failure::new(
        Exit::Data,
        format!("the configuration has {errors} error{plural}; nothing was started"),
    )
}

#[cfg(test)]
mod tests;
