use std::io;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("cannot open x: {source}")]
struct TellsItsCause {
    source: io::Error,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot open x")]
struct KeepsItsCause {
    source: io::Error,
}

#[test]
fn a_cause_is_told_once() {
    let cause = || io::Error::other("it is gone");
    let told: Outcome = Err(TellsItsCause { source: cause() }).or_exit(Exit::Io);
    let kept: Outcome = Err(KeepsItsCause { source: cause() }).or_exit(Exit::Io);
    for outcome in [told, kept] {
        assert_eq!(outcome.unwrap_err().to_string(), "cannot open x: it is gone");
    }
}
