//! The commands that talk to a running heddle or check its files, one module each.

pub(crate) mod backup;
pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub(crate) mod filter;
pub(crate) mod get;
pub(crate) mod replay;
pub(crate) mod schema;
pub(crate) mod send;
pub(crate) mod sql;
pub(crate) mod tail;
pub(crate) mod trigger;
pub(crate) mod types;
pub(crate) mod validate;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// What must be escaped in a path segment or a query's value.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
