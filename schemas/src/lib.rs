//! The words of Heddle: events, their wire codecs, resource kinds and filters.

pub mod codec;
pub mod convert;
pub mod event;
pub mod filter;
pub mod limits;
pub mod names;
pub mod resources;
pub mod yaml;
