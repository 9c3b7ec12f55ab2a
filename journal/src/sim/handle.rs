//! An open file of the simulated disk.

use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::Operation;
use super::disk::{Disk, InodeId};
use super::inode::Change;
use crate::fs::File;

/// Dead once the process it belongs to has ended.
pub(super) struct Handle {
    disk: Arc<Mutex<Disk>>,
    inode: InodeId,
    life: u64,
    /// Holds the file's lock.
    locked: Mutex<bool>,
}

impl Handle {
    pub(super) fn new(shared: Arc<Mutex<Disk>>, disk: &mut Disk, inode: InodeId) -> Handle {
        Handle {
            disk: shared,
            inode,
            life: disk.life,
            locked: Mutex::new(false),
        }
    }

    /// The disk, if the process still lives.
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock();
        disk.check_alive()?;
        if disk.life == self.life {
            Ok(disk)
        } else {
            Err(io::Error::other("the process that opened this handle has ended"))
        }
    }

    fn grow(&self, length: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.check_death(Some(self.inode))?;
        let length = to_index(length)?;
        disk.check_quota(self.inode, length)?;
        let inode = disk.inode_mut(self.inode);
        if inode.current.len() < length {
            inode.change(Change::SetLength(length));
        }
        Ok(())
    }
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk()?;
        disk.counts.reads += 1;
        let name = disk.name_of(self.inode);
        disk.check_fault(Operation::Read, &name)?;
        let content = &disk.inode_mut(self.inode).current;
        let start = to_index(offset)?.min(content.len());
        let length = buffer.len().min(content.len() - start);
        buffer[..length].copy_from_slice(&content[start..start + length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.check_death(Some(self.inode))?;
        disk.counts.writes += 1;
        let offset = to_index(offset)?;
        disk.check_quota(self.inode, offset + bytes.len())?;
        let name = disk.name_of(self.inode);
        let fault = disk.check_fault(Operation::Write, &name);
        let written = if fault.is_err() {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        disk.inode_mut(self.inode).change(Change::Write {
            offset,
            bytes: written.to_vec(),
        });
        fault
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.grow(bytes)
    }

    fn initialise(&self, offset: u64, bytes: u64) -> io::Result<bool> {
        let zeros = vec![0; usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?];
        self.write_at(&zeros, offset)?;
        Ok(true)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let length = to_index(bytes)?;
        let mut disk = self.disk()?;
        disk.check_death(Some(self.inode))?;
        disk.inode_mut(self.inode).change(Change::SetLength(length));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk()?.inode_mut(self.inode).current.len() as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk()?.sync(self.inode)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk()?.sync(self.inode)
    }

    fn lock(&self) -> io::Result<()> {
        let mut disk = self.disk()?;
        if !disk.locked.insert(self.inode) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *self.locked.lock() = true;
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if *self.locked.lock() && disk.life == self.life {
            disk.locked.remove(&self.inode);
        }
    }
}

fn to_index(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}
