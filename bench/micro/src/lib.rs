//! The hot paths of Heddle, each by itself: what one event costs where every event passes.
//!
//! `fixtures` holds what they work on, `paths` the paths, `sdk` the yardstick that parsing is measured by, `index` triggers
//! by the thousand, `report` how a figure is told beside its limit. The programs: `micro-allocations`
//! counts allocations, `micro-instructions` counts instructions under callgrind, `micro-times` compares times.

pub mod fixtures;
pub mod index;
pub mod paths;
pub mod report;
pub mod sdk;
