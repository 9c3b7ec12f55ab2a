//! The configuration as a JSON Schema, for editors that complete and check it.
//!
//! The document stands beside this file and is written by hand, in the draft that editors know (07). A test holds it to
//! the decoders: at every place both know the same fields and the same choices. What goes beyond the form of one
//! document (a reference that leads nowhere, an expression that does not parse) is said by `heddle validate` alone.

/// The whole document. It describes one document of a configuration file.
pub const CONFIGURATION: &str = include_str!("configuration.schema.json");
