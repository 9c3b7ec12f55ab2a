//! Handles on segment files, for reading.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::format::{DirectoryEntry, JournalId, Place, Slot, decode_table, file_name};
use crate::fs::{File, FileSystem, read_full};
use crate::limits;
use crate::lru::Lru;
use crate::record::StreamId;

/// One segment: which, where, and how its checksums start.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) place: Place,
}

/// Offset table of one stream in one segment, ordered by sequence.
pub(crate) type Table = Arc<[Slot]>;

/// The segment files that are open for reading and the offset tables that are in memory, both bounded.
pub(crate) struct Segments {
    fs: Arc<dyn FileSystem>,
    files: Mutex<Lru<u64, Arc<dyn File>>>,
    tables: Mutex<Lru<(u64, StreamId), Table>>,
}

impl Segment {
    pub(crate) fn new(directory: &Path, id: &JournalId, number: u64) -> Segment {
        Segment {
            number,
            path: directory.join(file_name(number)),
            place: Place::new(id, number),
        }
    }

    /// Name of the file in its directory.
    pub(crate) fn file_name(&self) -> String {
        file_name(self.number)
    }
}

impl Segments {
    pub(crate) fn new(fs: Arc<dyn FileSystem>) -> Segments {
        Segments {
            fs,
            files: Mutex::new(Lru::new(limits::OPEN_FILES_MAX)),
            tables: Mutex::new(Lru::new(limits::TABLE_CACHE_BYTES_MAX)),
        }
    }

    /// The segment's file. Opened without a lock held: two readers may open it at once, one handle is kept.
    pub(crate) fn file(&self, segment: &Segment) -> io::Result<Arc<dyn File>> {
        if let Some(file) = self.files.lock().get(segment.number) {
            return Ok(file);
        }
        let file: Arc<dyn File> = self.fs.open(&segment.path)?.into();
        self.files.lock().insert(segment.number, file.clone(), 1);
        Ok(file)
    }

    /// A stream's table in a sealed segment. `None` when it is damaged and has to be rebuilt (see [`Segments::keep`]).
    pub(crate) fn table(&self, segment: &Segment, entry: &DirectoryEntry) -> io::Result<Option<Table>> {
        let key = (segment.number, entry.stream);
        if let Some(table) = self.tables.lock().get(key) {
            return Ok(Some(table));
        }
        let mut bytes = vec![0; entry.table_bytes()];
        if !read_full(&*self.file(segment)?, &mut bytes, u64::from(entry.table_offset))? {
            return Ok(None);
        }
        let Some(slots) = decode_table(segment.place, entry, &bytes) else {
            return Ok(None);
        };
        Ok(Some(self.keep(segment, entry.stream, slots)))
    }

    /// Lets go of a segment's file and tables. Who uses them goes on.
    pub(crate) fn forget(&self, segment: u64) {
        self.files.lock().forget(|number| *number == segment);
        self.tables.lock().forget(|(number, _)| *number == segment);
    }

    /// Puts a table into the cache.
    pub(crate) fn keep(&self, segment: &Segment, stream: StreamId, slots: Vec<Slot>) -> Table {
        let table: Table = slots.into();
        self.tables
            .lock()
            .insert((segment.number, stream), table.clone(), size_of_val(&*table));
        table
    }
}
