//! How a figure is told: in a line, beside its limit, with the verdict.

use std::fmt;

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within its limit.
    Holds,
    /// Over its limit.
    Broken,
    /// There is no limit.
    Told,
}

impl Verdict {
    /// Of a figure that may be as large as its limit.
    #[must_use]
    pub fn at_most<T: PartialOrd>(figure: T, limit: Option<T>) -> Self {
        match limit {
            None => Self::Told,
            Some(limit) if figure <= limit => Self::Holds,
            Some(_) => Self::Broken,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "ok",
            Self::Broken => "BROKEN",
            Self::Told => "-",
        })
    }
}

/// Prints what the columns of the following lines are.
pub fn heading(title: &str) {
    println!("\n{title:<42} {:>12} {:>16}  verdict", "figure", "limit");
}

/// Prints one figure.
pub fn line(name: &str, figure: &str, limit: &str, verdict: Verdict) {
    println!("  {name:<40} {figure:>12} {limit:>16}  {verdict}");
}

/// The middle one of the figures; of an even number the upper of the two.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
