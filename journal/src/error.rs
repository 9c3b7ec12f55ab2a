//! What can go wrong: one enum an operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::{Sequence, StreamId};

/// Why an append was not committed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AppendError {
    /// The frame does not fit a segment; it never will.
    #[error("a frame of {bytes} bytes does not fit a segment, which has room for {bytes_max}")]
    TooLarge {
        /// Bytes of the frame as it would be stored.
        bytes: u64,
        /// The most that would have fitted.
        bytes_max: u64,
    },
    /// A record cannot have this stream or, being copied forward, this sequence.
    #[error("a record cannot be stored as {sequence} of stream {}: {reason}", stream.0)]
    Misplaced {
        /// The stream that was given.
        stream: StreamId,
        /// The sequence that was given; 0 when none was.
        sequence: Sequence,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk has no room for a further segment. May be tried again.
    #[error("the disk has no room for a further journal segment")]
    NoSpace,
    /// Too much waits for the writer already. May be tried again.
    #[error("too many bytes wait for the journal already")]
    QueueFull,
    /// A write or a sync failed earlier: whether this frame is on disk is not known, nothing is acknowledged any more.
    #[error("the journal stopped writing for good: {reason}")]
    Poisoned {
        /// What failed first.
        reason: Arc<str>,
    },
    /// The journal was closed before the append.
    #[error("the journal is closed")]
    Closed,
}

/// Why a journal could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// An option is out of its range.
    #[error("segment_bytes is {found}, it must be between {min} and {max}")]
    SegmentBytes {
        /// What was asked for.
        found: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// An option is out of its range.
    #[error("the reserve has {found} segments, it may have {max} at most")]
    ReserveSegments {
        /// What was asked for.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// Another process, or another journal of this one, has the directory.
    #[error(
        "the journal directory {} is in use by {} (its LOCK file is held): stop that one first, or choose another directory",
        directory.display(),
        holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
    )]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// The process that holds it, as that process knows itself, if it wrote that down.
        holder: Option<u32>,
    },
    /// The data was written by a newer program.
    #[error(
        "{} has journal format {found}, this program knows formats up to {supported}: use the newer program",
        file.display()
    )]
    NewerFormat {
        /// The file that says so.
        file: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest that this program reads.
        supported: u32,
    },
    /// A backup into this directory was begun and not finished: it lacks records.
    #[error(
        "{} holds a backup that was not finished (there is a file INCOMPLETE in it): take another one, or restore an earlier one",
        directory.display()
    )]
    Incomplete {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory's FORMAT file is damaged and there is no segment to restore it from.
    #[error("{} does not say which journal this is, and no segment does: {reason}", file.display())]
    Unidentified {
        /// The FORMAT file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The answer.
        #[source]
        source: io::Error,
    },
}

/// Why the oldest segment could not be retired.
#[derive(Debug, Error)]
pub enum RetireError {
    /// That it leaves could not be recorded: nothing has changed.
    #[error("that a journal segment leaves could not be recorded: {0}")]
    Append(#[from] AppendError),
    /// It has left, but its file could not be removed. The next call tries again.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The answer.
        #[source]
        source: io::Error,
    },
}

/// Why records could not be read.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The operating system said no; another try may succeed.
    #[error("cannot read journal file {}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// These sequences are lost. Reading can go on at `to + 1`.
    #[error("records {from} to {to} of journal stream {} are damaged: {reason}", stream.0)]
    Damaged {
        /// The stream.
        stream: StreamId,
        /// The first sequence that cannot be read.
        from: Sequence,
        /// The last sequence that cannot be read.
        to: Sequence,
        /// What was found instead.
        reason: String,
    },
}

impl ReadError {
    pub(crate) fn io(file: impl Into<PathBuf>, source: io::Error) -> ReadError {
        ReadError::Io {
            file: file.into(),
            source: Arc::new(source),
        }
    }
}
