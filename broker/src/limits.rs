//! Every numeric limit of the broker, with its default and why.

use std::time::Duration;

/// Bytes of events that may be queued between admission and commit, over all producers. Beyond it ingress
/// answers 429: two seconds of a fast disk, small beside the memory of the smallest machine we run on.
pub const ADMISSION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that may be queued in front of the journal: twice what admission lets in, so that settlements, replies and
/// dead letters are not refused because producers are busy.
pub const JOURNAL_QUEUE_BYTES_MAX: usize = 2 * ADMISSION_BYTES_MAX;

/// Matched events that one subscription may hold ready in memory. Past it the subscription leaves the tail and
/// reads from disk at its own pace.
pub const READY_EVENTS_MAX: usize = 1024;

/// Bytes of events held in memory for all subscriptions together. Past it subscriptions leave the tail.
pub const TAIL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes that a lagging subscription reads at once; it may always hold that much, so that it makes progress
/// whatever the others hold.
pub const LAG_READ_BYTES_MAX: usize = 256 * 1024;

/// The same when memory for events is short.
pub const LAG_READ_BYTES_MIN: usize = 16 * 1024;

/// How long events of an ordered subscription that wait behind a delivery of their key may take up the memory that
/// other keys need to be read on. Then they go to disk: longer than most deliveries take, short beside a timeout.
pub const KEY_PATIENCE_MS: u64 = 1000;

/// Events that a lagging subscription reads at once.
pub const LAG_READ_EVENTS_MAX: usize = 512;

/// Settlements that go into one journal frame.
pub const SETTLEMENTS_PER_FRAME_MAX: usize = 4096;

/// How long settlements wait for something to be synced with, at most. As much of what was delivered comes again after a
/// crash; a sync of their own costs more than the hundred that come in this time.
pub const SETTLEMENT_PATIENCE: Duration = Duration::from_millis(5);

/// Bytes of one journal frame of settlements, about: a retry carries what the endpoint said.
pub const SETTLEMENT_FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Settlements that may wait for the journal. Past it nothing is handed out until some are written.
pub const SETTLEMENTS_WAITING_MAX: usize = 2 * SETTLEMENTS_PER_FRAME_MAX;

/// Dead letters that leave the store by one record. More than a few milliseconds' worth would keep settlements waiting.
pub const LETTERS_LEAVING_MAX: usize = 1024;

/// Bytes of dead letters that are redriven by one frame, about: one event more may be in it.
pub const LETTERS_REDRIVEN_BYTES_MAX: usize = 1024 * 1024;

/// Pairs of source and id that are reserved at a time: on their way to the disk and into the view. A few hundred
/// bytes each; past it producers are told to come back.
pub const DEDUPE_RESERVATIONS_MAX: usize = 65_536;

/// Bytes of events that are hashed where they are; more are hashed on a thread that may be busy for a while.
pub const DEDUPE_HASH_INLINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an endpoint's error answer that are kept with a failure (Knative keeps 1,024 as well).
pub const FAILURE_DATA_BYTES_MAX: usize = 1024;

/// Passes through a broker that an event may make before the loop guard stops it (Knative's default).
pub const HOPS_MAX: u8 = 255;

/// Longest wait before a retry, in the policies that a broker is given. After a start nothing waits longer, whatever the
/// clock said when it was scheduled.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(27 * 60 * 60);

/// How long settled events are retained by default: a working day and the night after it, to find out what happened.
pub const RETAIN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of the journal past which the oldest segment leaves by default: what a small disk can spare.
pub const RETAIN_BYTES: u64 = 10 << 30;

/// Bytes that are copied forward in one frame when a segment leaves: small beside what a commit group may hold, so
/// that producers do not notice.
pub const COPY_FRAME_BYTES_MAX: usize = 256 * 1024;

/// Records in such a frame.
pub const COPY_FRAME_RECORDS_MAX: usize = 512;

/// Pause between two checkpoints of the progress view.
pub const CHECKPOINT_INTERVAL_MS: u64 = 1000;

/// Bytes of one record of a snapshot, about: a few milliseconds of a slow disk, so that it delays no other commit much.
pub const SNAPSHOT_CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of state that are written between two snapshots, at least; more when the last one was larger, so that
/// snapshots never cost more than the state itself. What a lost view costs to apply again is of the same size.
pub const SNAPSHOT_BYTES_SINCE_MIN: u64 = 64 * 1024 * 1024;

/// Bytes of a snapshot that a clean close takes: some milliseconds. It takes one only when more state than this
/// would have to be applied again.
pub const SNAPSHOT_AT_CLOSE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of the progress view that are held in memory while it cannot be kept on disk: about half a million retries.
/// Past it deliveries stop until it can.
pub const VIEW_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Pause between two tries to keep the progress view on disk again: each writes all of it.
pub const VIEW_RETURN_INTERVAL_MS: u64 = 10_000;

/// How long a seek waits for what is in flight: longer than the default time of an attempt, shorter than people wait.
pub const SEEK_WAIT_MAX: Duration = Duration::from_secs(75);

/// Replays and redrives of one trigger that have ended and are still shown; the oldest are forgotten first.
pub const SIDES_ENDED_MAX: usize = 20;

/// Replays and redrives that run at a time, over all triggers: each holds its own bounded queue of events.
pub const SIDES_RUNNING_MAX: usize = 64;

/// State records that may be committed and not applied yet while events are handed out: they are in memory, and one of
/// settlements is up to [`SETTLEMENT_FRAME_BYTES_MAX`].
pub const STATE_UNAPPLIED_RECORDS_MAX: u64 = 256;

/// Entries of the retry schedule that are looked at to list the keys that are held up: a list is for people.
pub const KEYS_SCANNED_MAX: usize = 10_000;

/// Events behind a held key that are counted one by one for the list.
pub const KEYS_BEHIND_COUNT_MAX: usize = 10_000;

/// Pause between two log lines about events that do not fit one schema: a producer that errs does so with every event.
pub const SCHEMA_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// New subscriptions that are recorded in one frame: some 300 bytes each, and a frame delays other commits.
pub const SUBSCRIPTIONS_PER_FRAME_MAX: usize = 1_000;

/// Types of events that are kept in the catalogue, over all brokers; events of further types are counted together.
pub const EVENT_TYPES_MAX: usize = 10_000;

/// Bytes of a type, source or schema's URI past which it is not in the catalogue.
pub const EVENT_TYPE_TEXT_BYTES_MAX: usize = 512;

/// Bytes of the first event's data that the catalogue keeps of a type.
pub const EVENT_TYPE_SAMPLE_BYTES_MAX: usize = 256;

/// Sources that the catalogue lists of one type.
pub const EVENT_TYPE_SOURCES_MAX: usize = 8;

/// New types that are recorded in one frame with their events; of a batch with more, the others are when they come again.
pub const EVENT_TYPES_RECORDED_MAX: usize = 16;

/// Events that one look settles as expired for one subscription: one frame of some tens of kilobytes, so that commits go
/// on beside it.
pub const EXPIRE_EVENTS_MAX: usize = 1024;

/// Bytes of events that are read in one such look.
pub const EXPIRE_READ_BYTES_MAX: usize = 1024 * 1024;

/// Dead letters whose age is looked at in a row: some milliseconds. A store of a million is gone through in minutes.
pub const EXPIRE_LETTERS_SEEN_MAX: usize = 4096;

/// Places of the journal that start-up names as lost one by one. A person reads them; the doctor names all.
pub(crate) const LOST_NAMED_MAX: usize = 16;

/// Places in words that are kept of what was lost or is damaged: a person reads them; the doctor names all.
pub(crate) const DAMAGE_TOLD_MAX: usize = 64;
