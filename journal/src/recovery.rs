//! Opening a directory: from files to a catalog, and to the place where writing goes on.
//!
//! Sealed segments are taken by their footers ([`load`]). What has no footer is scanned and judged ([`judge`]): an
//! unacknowledged tail is cut and physically cleared ([`repair`]), lost groups are reported and remembered in the footer
//! with which the segment is then sealed, so that nothing is ever appended behind damage. A segment in the middle that
//! has no valid footer gets a new one. The results come together in [`assembly`].
//!
//! Where the journal ended is known when it was closed cleanly ([`closed`]): whatever is missing before that is lost, and
//! which sequences it had is known exactly. A segment that is gone as a whole gets a file in its place that says so. After a
//! crash one thing cannot be told: the last group is named as synced by no header, so that later damage to just that group
//! looks like a tail.
//!
//! Before anything is acknowledged again, recovered groups that no header names as synced are written once more and
//! synced: after a failed sync the page cache may show bytes that the disk does not have.

mod assembly;
pub(crate) mod closed;
pub(crate) mod directory;
pub(crate) mod judge;
pub(crate) mod load;
pub(crate) mod marks;
mod repair;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::catalog::Catalog;
use crate::format::{Closed, JournalId};
use crate::fs::{File, FileSystem};
use crate::sequences::Sequences;
use crate::tail::Tail;
use crate::{OpenError, Options, Recovery};

/// Stands in a directory that a backup has not finished.
pub(crate) const INCOMPLETE_FILE: &str = "INCOMPLETE";

/// How the names of prepared segments end.
pub(crate) const SPARE_SUFFIX: &str = ".spare";

/// How the names of files end that have yet to get their own.
pub(crate) const DRAFT_SUFFIX: &str = ".new";

/// Everything that a journal starts from.
pub(crate) struct Recovered {
    pub(crate) id: JournalId,
    /// Keeps other processes out as long as it lives.
    pub(crate) lock: Box<dyn File>,
    pub(crate) catalog: Catalog,
    pub(crate) sequences: Sequences,
    pub(crate) position: Position,
    /// The segment to go on in; without one, a new one has to be begun.
    pub(crate) tail: Option<Tail>,
    pub(crate) report: Recovery,
}

/// Where the journal stands as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The epoch to write in.
    pub(crate) epoch: u64,
    /// The newest group.
    pub(crate) group: u64,
    /// The newest group that is known to be synced.
    pub(crate) synced: u64,
    /// Records so far, lost ones included.
    pub(crate) records: u64,
    /// The newest segment.
    pub(crate) segment: u64,
    /// Bytes that all segments occupy.
    pub(crate) bytes_on_disk: u64,
}

/// Opens the directory and brings it into a state in which it can be written.
pub(crate) fn recover(fs: &Arc<dyn FileSystem>, options: &Options) -> Result<Recovered, OpenError> {
    let start = Instant::now();
    let directory = directory::open(&**fs, &options.directory)?;
    let loaded = load::load_all(&**fs, &options.directory, &directory)?;
    let trimmed = loaded
        .first()
        .is_some_and(|first| first.records_before().is_some_and(|before| before > 0));
    let mark = marks::in_force(&**fs, &loaded)?;
    let stated = closed::read(&**fs, &options.directory, &directory.id)?;
    let unreadable = match &stated {
        closed::Stated::Unreadable(reason) => Some(reason.clone()),
        closed::Stated::Nothing | closed::Stated::Closed(_) => None,
    };
    let closed = closed::believed(stated, &loaded);
    let evidence = load::evidence(&loaded, closed.as_ref());
    let mut assembly = assembly::Assembly::new(&**fs, options, mark.as_ref(), trimmed, closed);
    if let Some(reason) = unreadable {
        assembly.quarantine_files(Closed::FILE.to_owned(), reason);
    }
    for (segment, evidence) in loaded.into_iter().zip(evidence) {
        assembly.add(segment, evidence)?;
    }
    assembly.finish_closed(&directory.id)?;
    let mut recovered = assembly.finish(directory);
    recovered.report.took = start.elapsed();
    Ok(recovered)
}

/// Names the action and the path in an error of the operating system.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { action, path, source }
}
