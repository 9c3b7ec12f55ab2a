//! The journal as its callers see it.

mod basics;
mod support;
