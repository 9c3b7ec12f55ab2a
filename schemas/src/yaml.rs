//! YAML with positions: text -> node tree -> fields read by hand, every mistake collected.
//!
//! Configuration is read in three steps, all pure:
//!
//! 1. [`parse`] turns a file of one or more documents into [`Node`] trees in which every key and value knows its line and
//!    column. Scalars follow the YAML 1.2 core schema (`no` and `on` are strings). Duplicate keys, merge keys, foreign tags,
//!    and documents over the node or depth limit (aliases count by what they expand to) are problems. A syntax error costs
//!    the document it stands in; reading goes on at the next `---`.
//! 2. A [`Field`] is a place in a tree that may or may not hold a value. Reading it (`string`, `integer`, `map`, `list`, ...)
//!    either gives the value or adds a [`Problem`] to the [`Findings`], never both and never neither.
//! 3. A [`Reader`] is a mapping being read. The names asked of it are the names it allows: when [`Field::map`] returns, each
//!    key that nobody asked for is an unknown field, reported with the nearest name that was asked for. So a decoder asks for
//!    all its fields first and leaves early (`?`) only after that.
//!
//! Null stands for an absent value everywhere, as `kubectl` treats it.

mod field;
mod json;
mod node;
mod parse;
mod problem;
mod reader;
mod tree;

#[cfg(test)]
mod tests;

pub use field::Field;
pub(crate) use json::{at, json};
pub use node::{Entry, Mark, Node, Value};
pub use parse::parse;
pub use problem::{Findings, Located, Masked, Place, Problem, Severity, nearest};
pub use reader::Reader;
