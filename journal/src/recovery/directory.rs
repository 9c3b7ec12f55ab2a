//! The directory itself: lock, `FORMAT` file, which segments there are.

use std::io;
use std::path::Path;

use super::{DRAFT_SUFFIX, INCOMPLETE_FILE, failed};
use crate::OpenError;
use crate::format::{HeaderFault, JournalId, Marker, SEGMENT_HEAD, SegmentHead, file_name, segment_number};
use crate::fs::{File, FileSystem, read_full};

pub(crate) const LOCK_FILE: &str = "LOCK";
/// What stands before the holder's process id in it.
const HOLDER: &str = "process ";

/// A locked directory.
pub(crate) struct Directory {
    pub(crate) lock: Box<dyn File>,
    pub(crate) id: JournalId,
    /// Numbers of the segments, ascending.
    pub(crate) segments: Vec<u64>,
    pub(crate) created: bool,
}

/// Locks the directory, made when missing, and finds out which journal it is.
pub(crate) fn open(fs: &dyn FileSystem, directory: &Path) -> Result<Directory, OpenError> {
    fs.create_dir(directory)
        .map_err(failed("make the directory", directory))?;
    let lock = lock(fs, directory)?;
    let names = fs.list(directory).map_err(failed("list", directory))?;
    if names.iter().any(|name| name == INCOMPLETE_FILE) {
        return Err(OpenError::Incomplete {
            directory: directory.to_owned(),
        });
    }
    for draft in names.iter().filter(|name| name.ends_with(DRAFT_SUFFIX)) {
        let path = directory.join(draft);
        fs.remove(&path).map_err(failed("remove", &path))?;
    }
    let mut segments: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    segments.sort_unstable();
    let created = segments.is_empty() && !names.iter().any(|name| name == Marker::FILE);
    let id = identify(fs, directory, &segments, created)?;
    // A process may have ended between a rename and its sync, and what goes on in that file counts on its name.
    fs.sync_dir(directory).map_err(failed("sync", directory))?;
    Ok(Directory {
        lock,
        id,
        segments,
        created,
    })
}

fn lock(fs: &dyn FileSystem, directory: &Path) -> Result<Box<dyn File>, OpenError> {
    let path = directory.join(LOCK_FILE);
    // What the holder wrote into it must stay until the lock is ours.
    let lock = match fs.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs.create(&path),
        opened => opened,
    };
    let lock = lock.map_err(failed("open", &path))?;
    match lock.lock() {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(OpenError::Locked {
                directory: directory.to_owned(),
                holder: holder(&*lock),
            });
        }
        Err(error) => return Err(failed("lock", &path)(error)),
    }
    let text = format!("{HOLDER}{}\n", std::process::id());
    let noted = lock.set_len(0).and_then(|()| lock.write_at(text.as_bytes(), 0));
    if let Err(error) = noted {
        // A disk without room must not keep the journal from being opened.
        tracing::debug!(file = %path.display(), %error, "the process's id could not be noted");
    }
    Ok(lock)
}

/// Which process wrote itself into the lock file.
pub(crate) fn holder(lock: &dyn File) -> Option<u32> {
    let mut bytes = [0; 64];
    let length = lock.read_at(&mut bytes, 0).ok()?;
    let text = std::str::from_utf8(&bytes[..length]).ok()?;
    text.strip_prefix(HOLDER)?.trim_end().parse().ok()
}

/// The journal's id: from `FORMAT`, or from a segment when that is damaged, or a new one.
fn identify(
    fs: &dyn FileSystem,
    directory: &Path,
    segments: &[u64],
    created: bool,
) -> Result<JournalId, OpenError> {
    let path = directory.join(Marker::FILE);
    let reason = match read_marker(fs, &path)? {
        Ok(marker) => return Ok(marker.id),
        Err(_) if created => {
            let marker = Marker {
                id: random_id().map_err(failed("make an id for", directory))?,
            };
            write_marker(fs, directory, &marker)?;
            return Ok(marker.id);
        }
        Err(HeaderFault::Newer(found)) => return Err(newer(&path, found)),
        Err(HeaderFault::Damaged) => "it is damaged or missing".to_owned(),
    };
    for number in segments {
        let path = directory.join(file_name(*number));
        if let Ok(head) = read_segment_head(fs, &path)? {
            tracing::warn!(file = %path.display(), "restoring the journal's FORMAT file from a segment");
            write_marker(fs, directory, &Marker { id: head.id })?;
            return Ok(head.id);
        }
    }
    Err(OpenError::Unidentified { file: path, reason })
}

/// What the `FORMAT` file says.
pub(crate) fn read_marker(
    fs: &dyn FileSystem,
    path: &Path,
) -> Result<Result<Marker, HeaderFault>, OpenError> {
    let file = match fs.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(HeaderFault::Damaged)),
        file => file.map_err(failed("open", path))?,
    };
    // The file is about 90 bytes; a damaged length must not make us read gigabytes.
    let length = file.len().map_err(failed("read", path))?.min(4096);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    read_full(&*file, &mut bytes, 0).map_err(failed("read", path))?;
    Ok(Marker::decode(&bytes))
}

/// The header of a segment file, checked by itself only.
pub(crate) fn read_segment_head(
    fs: &dyn FileSystem,
    path: &Path,
) -> Result<Result<SegmentHead, HeaderFault>, OpenError> {
    let file = fs.open(path).map_err(failed("open", path))?;
    let mut block = vec![0; usize::try_from(SEGMENT_HEAD).unwrap_or(0)];
    if !read_full(&*file, &mut block, 0).map_err(failed("read", path))? {
        return Ok(Err(HeaderFault::Damaged));
    }
    Ok(SegmentHead::decode(&block))
}

fn write_marker(fs: &dyn FileSystem, directory: &Path, marker: &Marker) -> Result<(), OpenError> {
    let path = directory.join(Marker::FILE);
    let draft = directory.join(Marker::DRAFT);
    let write = || {
        let file = fs.create(&draft)?;
        file.write_at(marker.encode().as_bytes(), 0)?;
        file.sync_all()?;
        fs.rename(&draft, &path)?;
        fs.sync_dir(directory)
    };
    write().map_err(failed("write", &path))
}

pub(crate) fn newer(path: &Path, found: u32) -> OpenError {
    OpenError::NewerFormat {
        file: path.to_owned(),
        found,
        supported: crate::format::FORMAT_VERSION,
    }
}

fn random_id() -> io::Result<JournalId> {
    let mut id = JournalId::default();
    let filled = rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
    if filled == id.len() {
        Ok(id)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
