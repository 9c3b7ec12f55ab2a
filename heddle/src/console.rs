//! Standard output as a device that may be slow: texts are queued within a bound and written by a thread of its own,
//! so that a delivery never waits for a terminal.

use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::limits;

/// The way to standard output. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    shared: Arc<Shared>,
}

/// The writing thread. Ended by [`ConsoleWriter::finish`].
#[derive(Debug)]
pub(crate) struct ConsoleWriter {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    text: String,
    /// Texts that found no room since the last write.
    left_out: u64,
    closed: bool,
    /// The thread wrote everything.
    finished: bool,
}

/// Starts the thread.
///
/// # Errors
/// When the operating system grants no thread.
pub(crate) fn start() -> std::io::Result<(Console, ConsoleWriter)> {
    start_on(anstream::stdout())
}

fn start_on(out: impl Write + Send + 'static) -> std::io::Result<(Console, ConsoleWriter)> {
    let shared = Arc::new(Shared::default());
    let for_thread = Arc::clone(&shared);
    let thread = std::thread::Builder::new()
        .name("console".to_owned())
        .spawn(move || for_thread.write_to(out))?;
    Ok((
        Console {
            shared: Arc::clone(&shared),
        },
        ConsoleWriter { shared, thread },
    ))
}

impl Console {
    /// Queues a text; it is printed in one piece. Never blocks.
    pub(crate) fn print(&self, text: &str) {
        let mut pending = self.shared.pending.lock();
        if pending.text.len() + text.len() > limits::CONSOLE_BYTES_MAX {
            pending.left_out += 1;
        } else {
            pending.text.push_str(text);
        }
        drop(pending);
        self.shared.changed.notify_one();
    }
}

impl ConsoleWriter {
    /// Writes what is queued and ends the thread. A terminal that is paused, or a pipe that nobody reads, does not
    /// hold up the process: after a while the thread is left behind.
    pub(crate) fn finish(self) {
        let mut pending = self.shared.pending.lock();
        pending.closed = true;
        self.shared.changed.notify_all();
        let deadline = Instant::now() + limits::CONSOLE_FINISH_MAX;
        while !pending.finished && !self.shared.changed.wait_until(&mut pending, deadline).timed_out() {}
        if pending.finished {
            drop(pending);
            // A panic of the writer has been reported by the panic hook already.
            let _ = self.thread.join();
        }
    }
}

impl Shared {
    fn write_to(&self, mut out: impl Write) {
        while let Some(text) = self.take() {
            // With standard output gone there is nobody left to tell.
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                tracing::debug!("standard output is closed");
            }
        }
        self.pending.lock().finished = true;
        self.changed.notify_all();
    }

    /// Waits for texts; `None` when there will be no more.
    fn take(&self) -> Option<String> {
        let mut pending = self.pending.lock();
        loop {
            if !pending.text.is_empty() || pending.left_out > 0 {
                let mut text = std::mem::take(&mut pending.text);
                let left_out = std::mem::take(&mut pending.left_out);
                if left_out > 0 {
                    text.push_str(&format!(
                        "-- {left_out} events were not printed: the terminal is too slow\n"
                    ));
                }
                return Some(text);
            }
            if pending.closed {
                return None;
            }
            self.changed.wait(&mut pending);
        }
    }
}

#[cfg(test)]
mod tests;
