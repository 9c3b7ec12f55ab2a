//! The `CLOSED` file: written at the end of a life, believed by the next opening, removed before that writes.

use std::io;
use std::path::Path;

use super::failed;
use super::load::{Content, Loaded};
use crate::OpenError;
use crate::format::{Closed, HeaderFault, JournalId};
use crate::fs::{FileSystem, read_full};
use crate::limits;

/// What there is of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// There is none: the last life did not end with a close, or one goes on.
    Nothing,
    /// It tells of this journal; whether it is to be believed is for [`believed`].
    Closed(Closed),
    /// It cannot be read, in words.
    Unreadable(String),
}

/// Reads the file.
pub(crate) fn read(fs: &dyn FileSystem, directory: &Path, id: &JournalId) -> Result<Stated, OpenError> {
    let path = directory.join(Closed::FILE);
    let file = match fs.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stated::Nothing),
        file => file.map_err(failed("open", &path))?,
    };
    let length = file.len().map_err(failed("read", &path))?;
    // A damaged length must not make us read gigabytes.
    let length = length.min(limits::CLOSED_BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    read_full(&*file, &mut bytes, 0).map_err(failed("read", &path))?;
    Ok(match Closed::decode(&bytes) {
        Ok(closed) if closed.id == *id => Stated::Closed(closed),
        Ok(_) => Stated::Unreadable("it is that of another journal".to_owned()),
        Err(HeaderFault::Newer(found)) => {
            Stated::Unreadable(format!("it has format {found}, which is not known"))
        }
        Err(HeaderFault::Damaged) => Stated::Unreadable("it is damaged".to_owned()),
    })
}

/// What the file says, unless the journal went on after it.
pub(crate) fn believed(stated: Stated, loaded: &[Loaded]) -> Option<Closed> {
    let Stated::Closed(closed) = stated else {
        return None;
    };
    if loaded.iter().any(|loaded| goes_on(&closed, loaded)) {
        tracing::warn!("the journal went on after what its CLOSED file says: that is not believed");
        return None;
    }
    Some(closed)
}

fn goes_on(closed: &Closed, loaded: &Loaded) -> bool {
    let head = loaded.head.as_ref();
    let newest = match &loaded.content {
        Content::Sealed(footer) => Some((footer.trailer.epoch, footer.trailer.last_group)),
        Content::Unsealed(scan) => {
            let last = scan.groups().last();
            last.map(|group| (group.head.epoch, group.head.number))
        }
    };
    let is_later = loaded.segment.number > closed.segment && (head.is_some() || newest.is_some());
    is_later
        || head.is_some_and(|head| head.epoch > closed.epoch)
        || newest.is_some_and(|(epoch, group)| epoch > closed.epoch || group > closed.group)
}

/// Writes the file; everything that it tells of is synced.
pub(crate) fn write(fs: &dyn FileSystem, directory: &Path, closed: &Closed) -> io::Result<()> {
    let draft = directory.join(Closed::DRAFT);
    let file = fs.create(&draft)?;
    let written = file
        .write_at(closed.encode().as_bytes(), 0)
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        // It would only hold on to room; if it cannot go, the next opening removes it.
        drop(fs.remove(&draft));
        return Err(error);
    }
    fs.rename(&draft, &directory.join(Closed::FILE))?;
    fs.sync_dir(directory)
}

/// Removes the file, if it is there, durably.
pub(crate) fn forget(fs: &dyn FileSystem, directory: &Path) -> io::Result<()> {
    match fs.remove(&directory.join(Closed::FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| fs.sync_dir(directory)),
    }
}
