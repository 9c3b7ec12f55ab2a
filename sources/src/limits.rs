//! Every numeric limit of the sources, with its unit and why.

/// First pause before a failed source is started again.
pub const RESTART_PAUSE_MS_MIN: u64 = 250;

/// Longest pause before a failed source is started again: a broker that comes back is noticed within half a minute.
pub const RESTART_PAUSE_MS_MAX: u64 = 30_000;

/// A source that ran this long without failing starts over with the shortest pause.
pub const HEALTHY_AFTER_MS: u64 = 30_000;

/// First pause before a batch that the engine could not take is offered again.
pub const STORE_PAUSE_MS_MIN: u64 = 20;

/// Longest pause before such a batch is offered again.
pub const STORE_PAUSE_MS_MAX: u64 = 2_000;

/// Log lines about its state that one source may write in a minute; the rest are counted and told in the next line.
pub const LOG_LINES_PER_MINUTE_MAX: u32 = 6;

/// Longest sleep without looking at the wall clock, which may be set while we wait.
pub const CLOCK_CHECK_MS_MAX: u64 = 5_000;

/// A saved tick that is further ahead of the clock than this was saved by a clock that was wrong; it is not believed,
/// so that the source does not stay silent until then.
pub const CLOCK_AHEAD_MS_MAX: u64 = 3_600_000;

/// Missed ticks that are counted one by one; more than that are counted as this many.
pub const MISSED_TICKS_COUNTED_MAX: usize = 10_000;

/// Events in one batch from Kafka or NATS: enough to make one sync cheap for each of them.
pub const BATCH_EVENTS_MAX: usize = 512;

/// Bytes in one batch, unless a single event is larger: a batch is one frame of the log and lives in memory as a whole.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Records that one Kafka consumer holds between its poll and their commit.
pub const KAFKA_HELD_RECORDS_MAX: usize = 8_192;

/// Bytes that one Kafka consumer holds between its poll and their commit (one record may go over it).
pub const KAFKA_HELD_BYTES_MAX: usize = 8 << 20;

/// Appends that an unordered Kafka source keeps open for one partition; an ordered one keeps one.
pub const KAFKA_UNORDERED_APPENDS_MAX: usize = 4;

/// Appends that one Kafka consumer keeps open over all its partitions.
pub const KAFKA_APPENDS_MAX: usize = 16;

/// KiB that librdkafka prefetches for one consumer (its own default is 64 MiB).
pub const KAFKA_PREFETCH_KIB_MAX: usize = 16 << 10;

/// Longest wait in one poll; callbacks and offset commits happen between polls.
pub const KAFKA_POLL_MS: u64 = 100;

/// How long a consumer waits for room before it pauses its partitions and polls for callbacks only. Pausing throws
/// away what librdkafka has prefetched, so it is for real stalls.
pub const KAFKA_PAUSE_AFTER_MS: u64 = 1_000;

/// Time between two commits of offsets.
pub const KAFKA_COMMIT_INTERVAL_MS: u64 = 500;

/// How long a consumer waits for appends that are under way when it loses partitions or stops.
pub const KAFKA_DRAIN_MS_MAX: u64 = 10_000;

/// Longest wait for one answer of a Kafka broker to a direct question (committed offsets, watermarks).
pub const KAFKA_REQUEST_MS_MAX: u64 = 10_000;

/// Time between two questions whether a failing Kafka cluster is back.
pub const KAFKA_PROBE_INTERVAL_MS: u64 = 5_000;

/// A consumer that died is forgotten by its group after this long (Kafka's default is 45 s; 6 s is its least).
pub const KAFKA_SESSION_MS: u64 = 10_000;

/// Longest pause between two connections to one Kafka broker.
pub const KAFKA_RECONNECT_MS_MAX: u64 = 2_000;

/// Consumers that one KafkaSource may ask for; each is an operating system thread and a connection.
pub const KAFKA_CONSUMERS_MAX: u32 = 64;

/// Messages that one NATS subscription buffers; core NATS drops what comes on top, which is counted.
pub const NATS_BUFFERED_MESSAGES_MAX: usize = 8_192;

/// Messages that JetStream hands over ahead of their acknowledgement.
pub const NATS_PULL_MESSAGES_MAX: usize = 512;

/// Bytes that JetStream hands over ahead of their acknowledgement, or one message of the server's largest size.
pub const NATS_PULL_BYTES_MAX: usize = 4 << 20;

/// Room for subject and protocol around a NATS message of the server's largest size.
pub const NATS_MESSAGE_OVERHEAD_BYTES: usize = 64 << 10;

/// How long JetStream waits for an acknowledgement when the source does not say.
pub const NATS_ACK_WAIT_MS: u64 = 30_000;

/// Longest wait for one answer of a NATS server.
pub const NATS_REQUEST_MS_MAX: u64 = 10_000;

/// Bytes of an explanation that is put into an extension.
pub const EXPLANATION_BYTES_MAX: usize = 512;

/// How long one request for JetStream messages stays open.
pub const NATS_PULL_EXPIRES_MS: u64 = 30_000;

/// Time between two signs of life of an open request.
pub const NATS_PULL_HEARTBEAT_MS: u64 = 5_000;
