//! The seam under the journal: what it needs of a file system, and nothing else.
//!
//! Two implementations: [`RealFs`], and [`crate::sim::SimFs`], which loses what was not synced.

mod real;

use std::io;
use std::path::Path;

pub use real::RealFs;

/// A file system.
///
/// The contract, which the journal's safety rests on:
/// - A change to a directory (a file made, renamed, removed) survives a power cut once [`FileSystem::sync_dir`]
///   returned `Ok`. Without it, it may or may not.
/// - [`FileSystem::rename`] is atomic: after a power cut the file has its old name or its new one.
/// - Errors are `io::Error`s; no room is [`io::ErrorKind::StorageFull`] or [`io::ErrorKind::QuotaExceeded`].
pub trait FileSystem: Send + Sync + 'static {
    /// Makes the directory and its parents. Durable when it returns.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn create_dir(&self, directory: &Path) -> io::Result<()>;

    /// Names of the files in the directory, in no order.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// Opens a file that exists, for reading and writing.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Makes an empty file for reading and writing; one that exists is emptied.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Gives a file another name in the same directory; a file of that name is replaced.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name, in whatever directory; the bytes are shared. Durable once the directory is synced.
    ///
    /// # Errors
    /// The file system has no such thing, the directory is on another one, or there is a file of that name.
    fn link(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes a file. Open handles go on working.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Bytes that this process may still take on the file system of the directory; `None` when that cannot be known.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn free_bytes(&self, _directory: &Path) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Makes the names in the directory durable.
    ///
    /// # Errors
    /// Whatever the operating system says; what is durable is then not known.
    fn sync_dir(&self, directory: &Path) -> io::Result<()>;
}

/// An open file. Usable from many threads at once.
///
/// The contract:
/// - Written bytes can be read at once, through any handle; they survive a power cut once a later
///   [`File::sync_data`] or [`File::sync_all`] returned `Ok`. Until then each write may survive whole, in part (torn at
///   any byte) or not at all, in any order.
/// - A sync that returned an error says nothing about what is durable, and a later sync that returns `Ok` does not make
///   up for it.
/// - Space inside the file that was never written reads as zeros.
pub trait File: Send + Sync {
    /// Reads at most `buffer.len()` bytes at this offset; fewer only at the end of the file.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of the bytes at this offset.
    ///
    /// # Errors
    /// Whatever the operating system says; any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Extends the file to `bytes` and reserves all of that, so that writes inside need no new space. What is there
    /// stays.
    ///
    /// # Errors
    /// No room: nothing was reserved that [`File::set_len`] to the old length does not free.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Writes zeros where the file was allocated and never written, if that makes syncs of later writes there cheaper on
    /// this file system. `false`: it does not, and nothing was done.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn initialise(&self, _offset: u64, _bytes: u64) -> io::Result<bool> {
        Ok(false)
    }

    /// Cuts or extends the file to this length. What was cut reads as zeros if the file grows again.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Makes the bytes durable, and of the metadata what is needed to read them (the length).
    ///
    /// # Errors
    /// Whatever the operating system says; see the trait's contract.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes bytes and all metadata durable.
    ///
    /// # Errors
    /// Whatever the operating system says; see the trait's contract.
    fn sync_all(&self) -> io::Result<()>;

    /// Takes an exclusive lock that lasts until the handle is dropped or the process ends. Does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when another handle has it.
    fn lock(&self) -> io::Result<()>;
}

/// Fills the buffer from this offset; `false` when the file ends before.
pub(crate) fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => return Ok(false),
            read => filled += read,
        }
    }
    Ok(true)
}

/// Whether the error says that there is no room.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
