//! Copying an open journal to another directory: everything that is committed when it begins, and nothing in part.
//!
//! Sealed segments never change, so they are linked where the file system can, and copied where it cannot. Of the
//! unsealed one the committed prefix is copied: what stands behind it may be half a group. Segments do not leave
//! meanwhile. A file named `INCOMPLETE` stands in the directory from before the first segment until everything is
//! synced, and a directory that has it is not opened. The copy is a journal like any other: it is restored by being
//! opened, and has the original's id.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::catalog::{Catalog, CommittedFile};
use crate::format::{JournalId, Marker, file_name};
use crate::fs::{FileSystem, read_full};
use crate::limits;
use crate::recovery::INCOMPLETE_FILE;

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// Segments in it.
    pub segments: u64,
    /// How many of them share their bytes on the disk with the original.
    pub linked: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// Why a backup was not made.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Nothing is ever written over.
    #[error("{} is not empty: a backup needs a new directory", directory.display())]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
    },
    /// The operating system said no. What is there by then is marked as incomplete.
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

/// Makes a backup in this directory, which is made when it is missing. The caller keeps segments from leaving.
pub(crate) fn run(
    fs: &dyn FileSystem,
    catalog: &Catalog,
    id: &JournalId,
    to: &Path,
) -> Result<Backup, BackupError> {
    fs.create_dir(to).map_err(failed("make the directory", to))?;
    if !fs.list(to).map_err(failed("list", to))?.is_empty() {
        return Err(BackupError::NotEmpty {
            directory: to.to_owned(),
        });
    }
    let incomplete = to.join(INCOMPLETE_FILE);
    write(fs, &incomplete, b"a backup that was not finished\n")?;
    fs.sync_dir(to).map_err(failed("sync", to))?;
    let mut backup = Backup::default();
    for committed in catalog.committed_files() {
        let CommittedFile { segment, end } = committed;
        let target = to.join(file_name(segment.number));
        backup.segments += 1;
        backup.bytes += match end {
            None if fs.link(&segment.path, &target).is_ok() => {
                backup.linked += 1;
                let file = fs.open(&target).map_err(failed("open", &target))?;
                file.len().map_err(failed("read", &target))?
            }
            end => copy(fs, &segment.path, &target, end)?,
        };
    }
    let marker = Marker { id: *id };
    write(fs, &to.join(Marker::FILE), marker.encode().as_bytes())?;
    fs.sync_dir(to).map_err(failed("sync", to))?;
    fs.remove(&incomplete).map_err(failed("remove", &incomplete))?;
    fs.sync_dir(to).map_err(failed("sync", to))?;
    Ok(backup)
}

fn write(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let write = || {
        let file = fs.create(path)?;
        file.write_at(bytes, 0)?;
        file.sync_all()
    };
    write().map_err(failed("write", path))
}

/// Copies a file, or so many bytes of its start; answers how many there are.
fn copy(fs: &dyn FileSystem, from: &Path, to: &Path, end: Option<u64>) -> Result<u64, BackupError> {
    let source = fs.open(from).map_err(failed("open", from))?;
    let length = source.len().map_err(failed("read", from))?;
    let end = end.unwrap_or(length).min(length);
    let target = fs.create(to).map_err(failed("create", to))?;
    let mut at = 0;
    while at < end {
        let bytes = usize::try_from(end - at)
            .unwrap_or(usize::MAX)
            .min(limits::COPY_BYTES);
        let mut buffer = vec![0; bytes];
        read_full(&*source, &mut buffer, at).map_err(failed("read", from))?;
        target.write_at(&buffer, at).map_err(failed("write", to))?;
        at += bytes as u64;
    }
    target.sync_all().map_err(failed("sync", to))?;
    Ok(end)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { action, path, source }
}
