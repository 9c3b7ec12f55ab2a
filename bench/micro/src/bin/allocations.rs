//! Counts the allocations of one walk of each path. Ends with an error when one has more than its limit.

use std::alloc::System;
use std::process::ExitCode;

use micro::paths::{PATHS, Walk};
use micro::report::{self, Verdict};
use stats_alloc::{Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

/// Walks before the one that counts, in which buffers that are kept find their size.
const WARM: usize = 16;

fn main() -> ExitCode {
    report::heading("allocations of one event");
    let mut broken = false;
    for path in &PATHS {
        let (allocations, bytes) = count(&mut (path.prepare)());
        let verdict = Verdict::at_most(allocations, path.allocations_max);
        let limit = path
            .allocations_max
            .map_or_else(|| "-".to_owned(), |max| max.to_string());
        let figure = format!("{allocations} ({bytes} B)");
        report::line(path.name, &figure, &limit, verdict);
        broken |= verdict == Verdict::Broken;
    }
    ExitCode::from(u8::from(broken))
}

/// Allocations, reallocations among them, and the bytes asked for.
fn count(walk: &mut Walk) -> (usize, usize) {
    (0..WARM).for_each(|_| walk());
    let region = Region::new(&ALLOCATOR);
    walk();
    let change = region.change();
    (change.allocations + change.reallocations, change.bytes_allocated)
}
