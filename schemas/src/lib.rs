//! The words of Heddle: events, their wire codecs, resource kinds, filters and schemas of data.

pub mod codec;
pub mod convert;
pub mod event;
pub mod filter;
pub mod limits;
pub mod names;
pub mod resources;
pub mod validation;
pub mod yaml;
