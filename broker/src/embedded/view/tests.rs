//! The view is believed when it may be, and rebuilt when not.

use super::*;

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

#[test]
fn retries_come_in_the_order_of_their_time_and_a_later_one_replaces_the_earlier() {
    let directory = tempfile::tempdir().unwrap();
    let view = View::open(&directory.path().join("view"), JOURNAL, 0)
        .unwrap()
        .view;
    assert!(view.put_retry(id(1), 5, &retry(300)).unwrap());
    assert!(view.put_retry(id(1), 6, &retry(100)).unwrap());
    assert!(view.put_retry(id(2), 7, &retry(1)).unwrap());
    assert!(
        !view.put_retry(id(1), 5, &retry(50)).unwrap(),
        "the same event again is no new retry"
    );
    let due: Vec<_> = view.due(id(1)).map(Result::unwrap).collect();
    assert_eq!(due, [(Timestamp(50), 5), (Timestamp(100), 6)]);
    assert!(view.remove_retry(id(1), 5).unwrap());
    assert!(!view.remove_retry(id(1), 5).unwrap());
    assert_eq!(view.count_retries(id(1)), 1);
}

#[test]
fn a_checkpoint_is_found_again_after_a_clean_end_and_after_a_kill() {
    for clean in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("view");
        let view = View::open(&path, JOURNAL, 0).unwrap().view;
        view.checkpoint(&Checkpoint {
            applied: 7,
            clean,
            ..Checkpoint::default()
        })
        .unwrap();
        drop(view);
        let opened = View::open(&path, JOURNAL, 9).unwrap();
        assert_eq!((opened.applied, opened.rebuilt), (7, None));
    }
}

#[test]
fn a_view_of_another_journal_or_ahead_of_its_own_is_set_aside() {
    for (journal, state_last, why) in [
        (b"fedcba9876543210".as_slice(), 9, "another journal"),
        (JOURNAL, 6, "ahead"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("view");
        let view = View::open(&path, JOURNAL, 0).unwrap().view;
        view.checkpoint(&Checkpoint {
            applied: 7,
            clean: true,
            ..Checkpoint::default()
        })
        .unwrap();
        drop(view);
        let opened = View::open(&path, journal, state_last).unwrap();
        assert_eq!(opened.applied, 0);
        assert!(opened.rebuilt.unwrap().contains(why));
        assert!(path.with_extension("set-aside").exists());
    }
}

#[test]
fn a_view_that_is_not_sleds_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("view");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("db"), b"this is no database").unwrap();
    fs::write(path.join("conf"), b"nor this").unwrap();
    let opened = View::open(&path, JOURNAL, 3).unwrap();
    assert_eq!(opened.applied, 0);
    assert!(opened.rebuilt.is_some());
}
