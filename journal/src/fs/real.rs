//! The file system of the machine.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation};

use super::{File, FileSystem};

/// The file system of the machine: `pread`, `pwrite`, `fallocate`, `fdatasync`, `flock`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

struct RealFile(fs::File);

impl FileSystem for RealFs {
    fn create_dir(&self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() {
            return Ok(());
        }
        let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_dir(parent)?;
        }
        match fs::create_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.sync_dir(parent.unwrap_or_else(|| Path::new(".")))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            // A name that is not UTF-8 is none of the journal's.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let file = fs::File::options().read(true).write(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn free_bytes(&self, directory: &Path) -> io::Result<Option<u64>> {
        let status = rustix::fs::statvfs(directory)?;
        Ok(Some(status.f_bavail.saturating_mul(status.f_frsize)))
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        fs::File::open(directory)?.sync_all()
    }
}

impl File for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, bytes) {
            // A file system without the call: the length alone must do, writes may then find no room.
            Err(rustix::io::Errno::OPNOTSUPP) => self.0.set_len(bytes.max(self.0.metadata()?.len())),
            result => Ok(result?),
        }
    }

    fn initialise(&self, offset: u64, bytes: u64) -> io::Result<bool> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        if !writes_in_place(&self.0)? {
            return Ok(false);
        }
        let mut at = offset;
        while at < offset + bytes {
            let piece = ZEROS
                .len()
                .min(usize::try_from(offset + bytes - at).unwrap_or(usize::MAX));
            self.0.write_all_at(&ZEROS[..piece], at)?;
            at += piece as u64;
        }
        Ok(true)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn lock(&self) -> io::Result<()> {
        Ok(rustix::fs::flock(
            &self.0,
            FlockOperation::NonBlockingLockExclusive,
        )?)
    }
}

/// Whether the file system notes for each allocated block if it was ever written, and writes it where it is from then on.
/// One that copies on write would give up what was reserved with the first zeros.
fn writes_in_place(file: &fs::File) -> io::Result<bool> {
    /// ext2, ext3 and ext4 share one; statfs(2).
    const EXT4: i64 = 0xEF53;
    const XFS: i64 = 0x5846_5342;
    let kind = rustix::fs::fstatfs(file)?.f_type;
    Ok([EXT4, XFS]
        .into_iter()
        .any(|known| i128::from(known) == i128::from(kind)))
}

#[cfg(test)]
mod tests;
