//! When a snapshot is due, and what it is said to cover.

use super::*;
use crate::SourceState;

fn state_record() -> StateRecord {
    StateRecord::SourceState(SourceState {
        key: "k".into(),
        state: vec![],
    })
}

fn end(applied: u64, bytes: u64) -> StateRecord {
    StateRecord::SnapshotEnd(SnapshotEnd {
        begin: applied + 1,
        applied,
        chunks: 1,
        bytes,
    })
}

fn is_due(snapshots: &Snapshots) -> bool {
    snapshots.known.lock().is_due()
}

#[test]
fn a_snapshot_is_due_when_more_state_was_written_than_it_costs() {
    let snapshots = Snapshots::new(64 << 20);
    let least = usize::try_from(SNAPSHOT_BYTES_SINCE_MIN).unwrap();
    snapshots.applied(&state_record(), 1, least);
    assert!(!is_due(&snapshots));
    snapshots.applied(&state_record(), 2, 1);
    assert!(is_due(&snapshots));
    snapshots.applied(&end(7, 3 * SNAPSHOT_BYTES_SINCE_MIN), 3, 1);
    assert!(!is_due(&snapshots), "one was taken");
    snapshots.applied(&state_record(), 4, 3 * least);
    assert!(!is_due(&snapshots), "a large one is taken more rarely");
    snapshots.applied(&state_record(), 5, 1);
    assert!(is_due(&snapshots));
}

#[test]
fn a_snapshot_covers_what_it_reflects_once_its_end_is_synced() {
    let snapshots = Snapshots::new(64 << 20);
    assert!(!snapshots.covers(0, 100), "there is none");
    snapshots.applied(&end(7, 1), 6, 1);
    assert!(!snapshots.covers(7, 100), "its commit group is not known yet");
    snapshots.completed(7, 50);
    assert!(!snapshots.covers(7, 49), "its end is not synced");
    assert!(snapshots.covers(7, 50));
    assert!(!snapshots.covers(8, 50), "record 8 may be missing in it");
    let found = Snapshots::new(64 << 20);
    found.restore(snapshots.marks());
    assert!(found.covers(7, 0), "what a start finds is synced");
}

#[test]
fn who_takes_one_waits_until_what_was_written_of_it_is_applied_or_the_engine_ends() {
    let snapshots = Snapshots::new(64 << 20);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| snapshots.wait_until_applied(2));
        while snapshots.known.lock().awaited.is_none() {
            std::thread::yield_now();
        }
        snapshots.applied(&state_record(), 1, 1);
        assert!(!waiting.is_finished(), "that was the one before");
        snapshots.applied(&state_record(), 2, 1);
        assert!(waiting.join().unwrap());
        assert!(snapshots.wait_until_applied(2), "it stays applied");

        let waiting = scope.spawn(|| snapshots.wait_until_applied(3));
        snapshots.stop();
        assert!(!waiting.join().unwrap());
    });
}
