//! Saying aloud what was not tested, so that a missing server never passes in silence.

use std::fs::OpenOptions;
use std::io::Write;

/// Prints `NOT RUN: what because why` past the test runner's capture, and notes it for the closing count of `make
/// test`, which reads the file named by `HEDDLE_NOT_RUN`.
pub fn not_run(what: &str, why: &str) {
    let line = format!("NOT RUN: {what} because {why}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error takes a line");
    if let Some(path) = std::env::var_os("HEDDLE_NOT_RUN") {
        let noted = OpenOptions::new().create(true).append(true).open(&path);
        noted
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the list of what was not run takes a line");
    }
}
