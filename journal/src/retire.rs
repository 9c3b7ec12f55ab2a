//! Letting the oldest segment leave.
//!
//! In this order, so that a crash after each step is fine: a mark is synced that says what the streams are without the
//! segment; the catalog forgets it, so that no new read goes there; the file is unlinked; the directory is synced. A
//! segment with a mark whose file is still there is served by the next opening as if nothing had happened. The next
//! segment does not leave before this one's name is durably gone, so that the numbers have no gap.
//!
//! All of this happens on the caller's thread, and no commit waits for it. Nor for the disk: the bytes of a file whose name
//! is gone are given back a little at a time.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use bytes::Bytes;
use parking_lot::Mutex;
use smallvec::smallvec;

use crate::catalog::Leaving;
use crate::format::{MARKS, Mark, plain};
use crate::fs::{File, FileSystem};
use crate::limits;
use crate::record::{Done, Entry, Frame, Purpose, Sequence};
use crate::report::SegmentInfo;
use crate::segment::Segments;
use crate::writer::Shared;
use crate::{AppendError, RetireError};

/// See the module.
pub(crate) struct Retiring {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    /// First sequence of a stream that is new.
    other: Sequence,
    /// A segment that has left and whose file is to be removed. Held while one leaves.
    file: Mutex<Option<LeftFile>>,
}

struct LeftFile {
    path: PathBuf,
    segment: u64,
    bytes: u64,
}

impl Retiring {
    pub(crate) fn new(fs: Arc<dyn FileSystem>, directory: PathBuf, other: Sequence) -> Retiring {
        Retiring {
            fs,
            directory,
            other,
            file: Mutex::new(None),
        }
    }

    /// See [`crate::Journal::retire_oldest`]. `append` commits a frame and syncs it, whatever the journal's mode is.
    pub(crate) fn oldest(
        &self,
        shared: &Shared,
        segments: &Segments,
        append: impl FnOnce(Frame, Done),
    ) -> Result<Option<SegmentInfo>, RetireError> {
        let mut file = self.file.lock();
        self.remove(&mut file, shared, segments)?;
        let Some(Leaving { segment, bytes, mark }) = shared.catalog.leaving(self.other) else {
            return Ok(None);
        };
        let info = shared.catalog.segment_infos().into_iter().next();
        commit(&mark, append)?;
        shared.catalog.retire(segment.number);
        *file = Some(LeftFile {
            path: segment.path.clone(),
            segment: segment.number,
            bytes,
        });
        self.remove(&mut file, shared, segments)?;
        Ok(info)
    }

    /// Runs something during which no segment leaves.
    pub(crate) fn standing_still<T>(&self, run: impl FnOnce(&dyn FileSystem) -> T) -> T {
        let _file = self.file.lock();
        run(&*self.fs)
    }

    fn remove(
        &self,
        left: &mut Option<LeftFile>,
        shared: &Shared,
        segments: &Segments,
    ) -> Result<(), RetireError> {
        let Some(file) = left.as_ref() else {
            return Ok(());
        };
        // Whoever has it open keeps its bytes on disk.
        let bytes = self.fs.open(&file.path);
        match self.fs.remove(&file.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &file.path, error));
            }
            _ => {}
        }
        // After the name is gone: a reader may have opened it until then.
        segments.forget(file.segment);
        self.fs
            .sync_dir(&self.directory)
            .map_err(|error| failed("sync", &self.directory, error))?;
        if let Err(error) = bytes.and_then(|bytes| give_back(&*bytes)) {
            tracing::debug!(%error, "the file of a segment that has left went in one piece");
        }
        shared.counters.removed(file.bytes);
        *left = None;
        Ok(())
    }
}

/// Makes a file without a name shorter, step by step; closing it gives back the rest.
fn give_back(file: &dyn File) -> io::Result<()> {
    let mut length = file.len()?;
    while length > limits::FREE_BYTES {
        length -= limits::FREE_BYTES;
        file.set_len(length)?;
        thread::sleep(limits::FREE_PAUSE);
    }
    Ok(())
}

fn failed(action: &'static str, path: &std::path::Path, source: io::Error) -> RetireError {
    RetireError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Commits the mark and waits until it is synced.
fn commit(mark: &Mark, append: impl FnOnce(Frame, Done)) -> Result<(), AppendError> {
    let entry = Entry {
        stream: plain(MARKS),
        kind: 0,
        head: Bytes::from(mark.encode()),
        body: Bytes::new(),
        kept: Some(mark.segment),
    };
    let frame = Frame {
        purpose: Purpose::Upkeep,
        entries: smallvec![entry],
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    append(frame, Box::new(move |outcome| drop(sender.send(outcome))));
    let outcome = receiver.recv();
    outcome.unwrap_or(Err(AppendError::Closed)).map(drop)
}
