//! `heddle schema`: the JSON Schema of the configuration, for editors.

use schemas::resources::description::CONFIGURATION;

use crate::exit::Outcome;
use crate::output;

/// Prints it.
pub(crate) fn run() -> Outcome {
    output::print(CONFIGURATION)
}
