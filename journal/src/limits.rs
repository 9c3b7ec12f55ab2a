//! Every numeric limit and default of the journal, with its unit in the name and why it is what it is.

use std::time::Duration;

/// Default size of a segment. Large enough that sealing (a few milliseconds) is rare at 150 MB/s, small enough that
/// scanning the unsealed one at open stays well under a second and that space is given back in small steps.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Smallest segment that [`crate::Options`] accepts: header, trailer and one small frame.
pub const SEGMENT_BYTES_MIN: u64 = 8 << 10;

/// Largest segment that [`crate::Options`] accepts: offsets inside a segment are stored in 32 bits, also those of a
/// footer that had to be written behind the preallocated size.
pub const SEGMENT_BYTES_MAX: u64 = 2 << 30;

/// Default bound of what may wait for the writer, in encoded bytes. About half a second of a fast disk.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;

/// Frames that the queue keeps room for when it is empty (some 200 bytes each): as many as wait for a sync under load.
pub(crate) const QUEUED_KEPT_MAX: usize = 1024;

/// Default bound of one commit group, in encoded bytes. Beyond this a sync costs by the byte and not by the call, so
/// that a longer group only makes everyone wait longer.
pub const GROUP_BYTES_MAX: usize = 4 << 20;

/// Bytes of sealed segments' offset tables that are kept in memory (16 bytes a record).
pub(crate) const TABLE_CACHE_BYTES_MAX: usize = 16 << 20;

/// Segment files that readers keep open. Far below the usual limit of 1,024 descriptors of a process.
pub(crate) const OPEN_FILES_MAX: usize = 128;

/// The most that one read from disk takes at once.
pub(crate) const READ_RUN_BYTES_MAX: u32 = 1 << 20;

/// Records of one stream that lie no farther apart than this are fetched with one read: reading this many bytes more
/// costs less than a second system call.
pub(crate) const READ_GAP_BYTES_MAX: u32 = 8 << 10;

/// Kept records of one stream that are looked up at once, whatever the reader's limit is: what one read of them may take
/// in memory beside the records (24 bytes each).
pub(crate) const KEPT_MERGED_MAX: usize = 4096;

/// How far a scan looks into a segment file: past every segment that [`crate::Options`] allows with its footer, and short
/// of the 4 GiB that an offset can say.
pub(crate) const SCAN_BYTES_MAX: u64 = 3 << 30;

/// How far a `CLOSED` file is read: some 40 bytes a stream, of which a journal has two or three a broker.
pub(crate) const CLOSED_BYTES_MAX: u64 = 64 << 20;

/// How often an inspection reads the newest segment again that seems damaged while another process writes.
pub(crate) const INSPECT_AGAIN_MAX: usize = 5;

/// Bytes of a file without a name that are given back to the file system at once. All of a segment at once keeps the disk
/// of a file system that discards what is free from syncing anything else for tens of milliseconds.
pub(crate) const FREE_BYTES: u64 = 1 << 20;

/// Pause between two of these steps: a segment of 64 MiB is gone after an eighth of a second.
pub(crate) const FREE_PAUSE: Duration = Duration::from_millis(2);

/// Zeros that are written into the next segment at once, and synced: what a commit in between may have to wait for.
pub(crate) const INITIALISED_BYTES: u64 = 1 << 20;

/// Pause between two of these steps: a segment of 64 MiB is done after a quarter of a second.
pub(crate) const INITIALISE_PAUSE: Duration = Duration::from_millis(2);

/// How much a backup copies at once.
pub(crate) const COPY_BYTES: usize = 1 << 20;

/// How much a scan reads ahead.
pub(crate) const SCAN_READ_BYTES: usize = 256 << 10;

/// How often the free bytes of the file system are looked at, and the disk tried again while it is full. One call of the
/// operating system.
pub(crate) const SPACE_LOOK: Duration = Duration::from_secs(1);

/// Default number of segments that are prepared for upkeep alone: 128 MiB by default, which is some four million
/// settlements, or a hundred thousand dead letters of 1 KiB.
pub const RESERVE_SEGMENTS: usize = 2;

/// The most segments that [`crate::Options`] accepts as a reserve: each is made and held open.
pub const RESERVE_SEGMENTS_MAX: usize = 64;
