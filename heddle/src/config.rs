//! Configuration: files -> resources -> a plan, every mistake reported at once.
//!
//! Three phases:
//!
//! 1. [`load::load`] does all the I/O: it reads files and folders, decodes their resources ([`schemas::resources`]), and fetches what
//!    their values name (environment, other files). [`load::from_texts`] is the same without files.
//! 2. [`resolve::resolve`] is pure: it checks what refers to what, looks values up, fills defaults in, and gives a [`plan::Plan`] of plain
//!    data. There is a plan only when there is no error.
//! 3. Building what the plan says is the business of the wiring.
//!
//! The [`report::Report`] of both phases shows itself to people and as JSON.

pub(crate) mod load;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod resolve;

#[cfg(test)]
mod tests;
