use std::sync::mpsc;

use super::*;

/// A terminal that takes nothing until it is let go.
struct Slow {
    go: mpsc::Receiver<()>,
    written: Arc<Mutex<String>>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // An error means that the test lets everything through from now on.
        let _ = self.go.recv();
        self.written.lock().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn everything_queued_is_written_before_the_end_and_what_found_no_room_is_counted() {
    let (go, gate) = mpsc::channel();
    let written = Arc::new(Mutex::new(String::new()));
    let (console, writer) = start_on(Slow {
        go: gate,
        written: Arc::clone(&written),
    })
    .unwrap();
    console.print("first\n");
    let large = "x".repeat(limits::CONSOLE_BYTES_MAX);
    console.print(&large);
    console.print(&large);
    drop(go);
    writer.finish();
    let written = written.lock();
    assert!(written.starts_with("first\n"));
    assert!(written.contains("events were not printed: the terminal is too slow"));
}
