//! What the fuzz targets check. The targets themselves are a line each; the ordinary tests replay the corpus here.

pub mod checks;
#[cfg(feature = "engine")]
pub mod engine;
