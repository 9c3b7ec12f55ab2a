//! The commands that talk to a running heddle or check its files, one module each.

pub(crate) mod backup;
pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub(crate) mod filter;
pub(crate) mod get;
pub(crate) mod replay;
pub(crate) mod send;
pub(crate) mod sql;
pub(crate) mod tail;
pub(crate) mod trigger;
pub(crate) mod validate;
