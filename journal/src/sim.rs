//! A file system in memory that loses what was not synced. A double for tests, this crate's and others': nothing in
//! production uses it.
//!
//! It keeps what was synced apart from what was only written, by [`crate::FileSystem`]'s contract and no kinder:
//! - [`SimFs::power_cut`] keeps, drops or tears each write that was not synced, each on its own and in any order, and
//!   forgets names that were not synced.
//! - A sync that fails leaves each write durable or not, and a later sync does not make up for it, as Linux does it.
//! - [`SimFs::kill`] ends the "process": handles die, locks are released, and what was written stays.
//!
//! Faults are asked for ahead ([`SimFs::fail`], [`SimFs::set_quota`]) or made at once ([`SimFs::flip_bit`],
//! [`SimFs::put`]). All chance comes from the seeds that are given.

mod disk;
mod handle;
mod inode;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::fs::{File, FileSystem};
use disk::{Disk, NameChange};
use handle::Handle;

/// See the module. Clones share the disk.
#[derive(Clone, Default)]
pub struct SimFs {
    disk: Arc<Mutex<Disk>>,
}

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`File::read_at`].
    Read,
    /// [`File::write_at`]. A failing write leaves the first half of its bytes.
    Write,
    /// [`File::sync_data`] and [`File::sync_all`].
    Sync,
    /// [`FileSystem::sync_dir`].
    SyncDir,
}

/// How often something was done since the file system was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of [`File::read_at`].
    pub reads: u64,
    /// Calls of [`File::write_at`].
    pub writes: u64,
    /// Calls of [`File::sync_data`] and [`File::sync_all`].
    pub syncs: u64,
}

impl SimFs {
    /// An empty disk without bounds.
    #[must_use]
    pub fn new() -> SimFs {
        SimFs::default()
    }

    /// The power fails and comes back: everything that was not synced is kept, dropped or torn, as the seed says. Every
    /// handle is dead afterwards, locks are released.
    pub fn power_cut(&self, seed: u64) {
        self.disk.lock().power_cut(seed);
    }

    /// The process is killed: every handle is dead afterwards, locks are released, written bytes stay (and stay
    /// unsynced).
    pub fn kill(&self) {
        self.disk.lock().end_process();
    }

    /// The `nth` operation of this kind from now on (1 is the next) on a file whose name ends so fails with an
    /// input/output error; those after it work.
    pub fn fail(&self, operation: Operation, name_ends_with: &str, nth: u64) {
        self.disk.lock().fail(operation, name_ends_with, nth);
    }

    /// The process dies before the `nth` change from now on (1 is the next): that change and everything after it fail,
    /// until [`SimFs::kill`] or [`SimFs::power_cut`]. Counted are writes, syncs, lengths and removals of files whose
    /// name ends so, and all renames and syncs of directories.
    pub fn die_before(&self, nth: u64, name_ends_with: &str) {
        self.disk.lock().death = Some((nth, name_ends_with.to_owned()));
    }

    /// Bounds the bytes that all files together may occupy; beyond, there is no space.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.disk.lock().quota = bytes;
    }

    /// Bytes that all files together occupy.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.disk.lock().used_bytes()
    }

    /// Flips one bit of a file (0 to 7) at this offset, on the disk and in memory.
    ///
    /// # Errors
    /// There is no such file, or it is shorter.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> io::Result<()> {
        let mut bytes = self.contents(path)?;
        let at = usize::try_from(offset).ok().filter(|at| *at < bytes.len());
        bytes[at.ok_or(io::ErrorKind::UnexpectedEof)?] ^= 1 << (bit % 8);
        self.put(path, &bytes);
        Ok(())
    }

    /// What a read of the whole file gives.
    ///
    /// # Errors
    /// There is no such file.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.disk.lock().inode(path).map(|inode| inode.current.clone())
    }

    /// Replaces or makes a file, durably.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        self.disk.lock().put(path, bytes);
    }

    /// Every file, ordered.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.disk.lock().names.keys().cloned().collect()
    }

    /// See [`Counts`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.disk.lock().counts
    }

    /// A copy of the disk as it is, for trying many ends of one beginning. Handles and faults stay with the original.
    #[must_use]
    pub fn fork(&self) -> SimFs {
        SimFs {
            disk: Arc::new(Mutex::new(self.disk.lock().fork())),
        }
    }
}

impl FileSystem for SimFs {
    fn create_dir(&self, _directory: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let disk = self.disk.lock();
        disk.check_alive()?;
        let inside = disk.names.keys().filter(|path| path.parent() == Some(directory));
        let names = inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        Ok(names.collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut disk = self.disk.lock();
        disk.check_alive()?;
        let inode = *disk.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Handle::new(self.disk.clone(), &mut disk, inode)))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut disk = self.disk.lock();
        disk.check_alive()?;
        let inode = disk.create(path);
        Ok(Box::new(Handle::new(self.disk.clone(), &mut disk, inode)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.check_death(None)?;
        if !disk.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.check_death(None)?;
        let inode = *disk.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        if disk.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.change_name(NameChange::Add(to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let inode = *disk.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        disk.check_death(Some(inode))?;
        disk.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn free_bytes(&self, _directory: &Path) -> io::Result<Option<u64>> {
        let disk = self.disk.lock();
        disk.check_alive()?;
        Ok(disk.quota.map(|quota| quota.saturating_sub(disk.used_bytes())))
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        self.disk.lock().sync_dir(directory)
    }
}
