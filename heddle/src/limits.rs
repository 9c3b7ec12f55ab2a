//! Every numeric limit of the binary, with why. Limits on events are `schemas::limits`, on storage `broker::limits`.

use std::time::Duration;

/// Connections that one listener serves at a time; more wait in the kernel's queue. About 64 KiB each at worst.
pub(crate) const CONNECTIONS_MAX: usize = 8_192;

/// Connections that the kernel keeps until they are accepted; it takes `net.core.somaxconn` if that is less, 4096 by
/// default. A fleet that comes back after a restart connects at once.
pub(crate) const CONNECTIONS_WAITING_MAX: u32 = 4_096;

/// Headers of one request: as many as an event may have attributes, and those that clients and proxies add. hyper's own
/// limit of 100 would refuse, without a word, events that are within `schemas::limits`.
pub(crate) const HEADERS_MAX: usize = 256 + 64;

/// Bytes of the headers of one HTTP/2 request, counted with 32 more for each (RFC 9113 section 6.5.2). More than
/// `schemas::limits` lets pass, which refuses in words; hyper's own limit of 16 KiB is less than one attribute may have.
pub(crate) const HTTP2_HEADER_BYTES_MAX: u32 = 160 * 1024;

/// How long a connection may take for the headers of its next request, idle time included: longer than the
/// minute for which common clients and proxies keep a connection.
pub(crate) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(75);

/// How long the body of a request may take. It holds its share of the admission budget for that time.
pub(crate) const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What a body of unknown length is admitted by, piece by piece.
pub(crate) const BODY_ADMIT_STEP_BYTES: usize = 64 * 1024;

/// How much of a body that is over the limit is read and forgotten, so that the client gets to read the answer.
pub(crate) const BODY_DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Pause after an `accept` that failed for want of a resource (files, memory), so that the loop does not spin.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Longest wait that `?wait-idle` grants; a client that wants more asks again.
pub(crate) const WAIT_IDLE_MAX: Duration = Duration::from_secs(3_600);

/// Dead letters in one answer.
pub(crate) const DEAD_LETTERS_MAX: usize = 1_000;

/// Bytes of the body of a command to the admin API: a few fields, and lists of ids at most.
pub(crate) const ADMIN_BODY_BYTES_MAX: usize = 256 * 1024;
/// Requests that `heddle send --lines` has under way at a time.
pub(crate) const SEND_IN_FLIGHT_MAX: usize = 64;

/// Attempts that `heddle send` makes for one event that is answered "later".
pub(crate) const SEND_ATTEMPTS_MAX: u32 = 20;

/// Longest pause between two attempts of `heddle send`, whatever the server asks for.
pub(crate) const SEND_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long a client command waits for an answer beyond the wait that it asked for.
pub(crate) const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long `heddle backup` waits: a copy to another file system takes as long as its bytes do.
pub(crate) const BACKUP_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Bytes of an answer that a client command reads.
pub(crate) const CLIENT_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of an event's data that are printed on a terminal.
pub(crate) const PRINT_DATA_BYTES_MAX: usize = 4 * 1024;

/// Bytes of one attribute's value that are printed on a terminal.
pub(crate) const PRINT_VALUE_BYTES_MAX: usize = 512;

/// Bytes that wait for a slow terminal; what comes on top is counted and not printed.
pub(crate) const CONSOLE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long the end of the process waits for a terminal that does not read.
pub(crate) const CONSOLE_FINISH_MAX: Duration = Duration::from_secs(2);

/// How often the rest of an HTTP/2 preface is looked for.
pub(crate) const PREFACE_POLL: Duration = Duration::from_millis(20);

/// How long a sender may pause in a body whose refusal is known before it is answered.
pub(crate) const BODY_DISCARD_STALL: Duration = Duration::from_millis(200);

/// The longest drain; a longer `--drain-timeout` is cut to this.
pub(crate) const DRAIN_TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long storage may take to close after a drain; recovery does the same work at the next start.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the admin API gets for its drain, also past the deadline: it tells how the drain goes.
pub(crate) const ADMIN_DRAIN_MIN: Duration = Duration::from_secs(1);

/// Bytes of one configuration file, and of one file that a value in it names. Real ones are a thousandth of it.
pub(crate) const CONFIGURATION_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Characters of a line that a report quotes; longer ones are data, not configuration, and are not shown.
pub(crate) const REPORT_LINE_CHARS_MAX: usize = 240;

/// Keys of an ordered trigger that are listed at once: a list is for people.
pub(crate) const HELD_KEYS_MAX: usize = 100;
