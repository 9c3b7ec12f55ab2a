//! The view is believed when it may be, and rebuilt when not.

use std::fs;
use std::path::Path;

use super::*;
use crate::Progress;
use crate::clock::Timestamp;

const JOURNAL: &[u8] = b"0123456789abcdef";

fn id(id: u64) -> SubscriptionId {
    SubscriptionId(id)
}

fn retry(at: u64) -> Retry {
    Retry {
        at: Timestamp(at),
        progress: Progress {
            attempts: 1,
            ..Progress::default()
        },
    }
}

fn until(last: u64) -> StateBounds {
    StateBounds { first: 1, last }
}

/// A new view that is marked as filled up to `applied`.
fn filled(path: &Path, applied: u64) -> View {
    let view = View::open(path, JOURNAL, until(0)).unwrap().view;
    view.mark_open(JOURNAL, applied).unwrap();
    view
}

#[test]
fn retries_come_in_the_order_of_their_time_and_a_later_one_replaces_the_earlier() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("view");
    let view = filled(&path, 0);
    view.put_retry(id(1), 5, &retry(300)).unwrap();
    view.put_retry(id(1), 6, &retry(100)).unwrap();
    view.put_retry(id(2), 7, &retry(1)).unwrap();
    view.put_retry(id(1), 5, &retry(50)).unwrap();
    assert_eq!(
        view.count_retries(id(1)),
        2,
        "the same event again is no new retry"
    );
    let due: Vec<_> = view.due(id(1)).map(Result::unwrap).collect();
    assert_eq!(due, [(Timestamp(50), 5), (Timestamp(100), 6)]);
    view.remove_retry(id(1), 5).unwrap();
    view.remove_retry(id(1), 5).unwrap();
    assert_eq!(view.count_retries(id(1)), 1);
    drop(view);
    let view = View::open(&path, JOURNAL, until(0)).unwrap().view;
    assert_eq!((view.count_retries(id(1)), view.count_retries(id(2))), (1, 1));
}

#[test]
fn a_checkpoint_is_found_again_after_a_clean_end_and_after_a_kill() {
    for clean in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("view");
        let view = filled(&path, 0);
        let snapshots = crate::embedded::snapshot::SnapshotMarks {
            last: None,
            bytes_since: 12,
        };
        view.checkpoint(&Checkpoint {
            applied: 7,
            clean,
            snapshots,
            ..Checkpoint::default()
        })
        .unwrap();
        drop(view);
        let believed = View::open(&path, JOURNAL, until(9)).unwrap().believed;
        assert_eq!(
            believed,
            Ok(Believed {
                applied: 7,
                snapshots
            })
        );
    }
}

#[test]
fn a_view_that_does_not_fit_the_journal_is_set_aside() {
    for (journal, first, last, why) in [
        (b"fedcba9876543210".as_slice(), 1, 9, "another journal"),
        (JOURNAL, 1, 6, "ahead"),
        (JOURNAL, 9, 12, "begins at 9"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("view");
        drop(filled(&path, 7));
        let found = View::open(&path, journal, StateBounds { first, last }).unwrap();
        assert!(found.believed.unwrap_err().contains(why));
        assert!(path.with_extension("set-aside").exists());
    }
}

#[test]
fn a_view_that_was_left_half_rebuilt_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("view");
    let view = View::open(&path, JOURNAL, until(0)).unwrap().view;
    view.put_retry(id(1), 5, &retry(300)).unwrap();
    drop(view);
    let found = View::open(&path, JOURNAL, until(0)).unwrap();
    assert!(found.believed.unwrap_err().contains("never finished"));
    assert_eq!(found.view.count_retries(id(1)), 0);
}

#[test]
fn a_view_that_is_not_sleds_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("view");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("db"), b"this is no database").unwrap();
    fs::write(path.join("conf"), b"nor this").unwrap();
    let found = View::open(&path, JOURNAL, until(3)).unwrap();
    assert!(found.believed.is_err());
}
