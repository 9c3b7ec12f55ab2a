//! The view is believed when it may be, and rebuilt when not.

use std::fs;
use std::path::Path;

use super::*;
use crate::Progress;
use crate::clock::Timestamp;
use crate::embedded::records::Fate;

const JOURNAL: &[u8] = b"0123456789abcdef";

fn id(id: u64) -> SubscriptionId {
    SubscriptionId(id)
}

fn retry(at: u64) -> Retry {
    let progress = Box::new(Progress {
        attempts: 1,
        ..Progress::default()
    });
    let at = Timestamp(at);
    Retry::of(&Fate::Retry { at, progress }).unwrap()
}

fn until(last: u64) -> StateBounds {
    StateBounds {
        first: 1,
        last,
        given_out: last,
    }
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
        view.waiting(id(1)).total(),
        2,
        "the same event again is no new retry"
    );
    let due = view.due(id(1), Timestamp(0)).map(Result::unwrap);
    let due: Vec<_> = due.map(|due| (due.at.0, due.sequence)).collect();
    assert_eq!(due, [(50, 5), (100, 6)]);
    view.remove_retry(id(1), 5).unwrap();
    view.remove_retry(id(1), 5).unwrap();
    assert_eq!(view.waiting(id(1)).total(), 1);
    drop(view);
    let view = View::open(&path, JOURNAL, until(0)).unwrap().view;
    assert_eq!((view.waiting(id(1)).total(), view.waiting(id(2)).total()), (1, 1));
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
                snapshots,
                ahead: None,
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
        let bounds = StateBounds {
            first,
            last,
            given_out: last,
        };
        let found = View::open(&path, journal, bounds).unwrap();
        assert!(found.believed.unwrap_err().contains(why));
        assert!(path.with_extension("set-aside").exists());
    }
}

#[test]
fn a_view_that_knows_what_the_journal_has_lost_is_kept_and_goes_on_behind_it() {
    for (last, given_out, ahead) in [(0, 7, true), (6, 12, true), (7, 12, false), (9, 12, false)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("view");
        drop(filled(&path, 7));
        let bounds = StateBounds {
            first: 1,
            last,
            given_out,
        };
        let believed = View::open(&path, JOURNAL, bounds).unwrap().believed.unwrap();
        assert_eq!(believed.ahead.is_some(), ahead, "{bounds:?}");
        let applied = if ahead { given_out } else { 7 };
        assert_eq!(believed.applied, applied, "{bounds:?}");
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
    assert_eq!(found.view.waiting(id(1)).total(), 0);
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

/// A view that was in use, with something under every letter, and closed.
fn used(path: &Path) -> Vec<Pair> {
    let view = filled(path, 7);
    for sequence in 1..400 {
        view.put_retry(id(sequence % 3), sequence, &retry(sequence))
            .unwrap();
    }
    (1..200).for_each(|sequence| view.remove_retry(id(sequence % 3), sequence).unwrap());
    let checkpoint = Checkpoint {
        applied: 9,
        clean: true,
        ..Checkpoint::default()
    };
    view.checkpoint(&checkpoint).unwrap();
    view.dump()
}

/// Opens what is there and reads all of it, as an engine would: it is as it was, or it fails in words.
fn open_and_read(path: &Path, expected: &[Pair], what: &str) {
    let Ok(found) = View::open(path, JOURNAL, until(9)) else {
        return;
    };
    // sled finds again what was written up to some moment. From before the last checkpoint on, the journal's records
    // are applied again.
    let Ok(believed) = found.believed else {
        assert!(path.with_extension("set-aside").exists(), "{what}");
        found.view.put_retry(id(1), 1, &retry(1)).unwrap();
        return;
    };
    let read: Result<Vec<_>, _> = found.view.scan(b"").collect();
    if let Ok(mut read) = read
        && believed.applied == 9
    {
        read.retain(|(key, _)| key[0] != b'm');
        assert!(read == expected, "{what}: believed, and not what it was");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_view_whose_files_are_damaged_is_as_it_was_or_set_aside_and_never_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let original = directory.path().join("original");
    let expected = used(&original);
    let files: Vec<_> = fs::read_dir(&original)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name())
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    let mut random = fastrand::Rng::with_seed(7);
    for file in files {
        let content = fs::read(original.join(&file)).unwrap();
        let length = content.len();
        let mut damages: Vec<(String, Option<Vec<u8>>)> = vec![("deleted".into(), None)];
        for cut in [0, 1, length / 3, length / 2, length.saturating_sub(1)] {
            damages.push((format!("cut to {cut}"), Some(content[..cut].to_vec())));
        }
        for _ in 0..24 {
            let at = random.usize(..length);
            let mut flipped = content.clone();
            flipped[at] ^= 1 << random.u8(..8);
            damages.push((format!("bit of {at} flipped"), Some(flipped)));
        }
        let garbage = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        damages.push(("garbage".into(), Some(garbage)));
        damages.push(("zeros".into(), Some(vec![0; length])));
        for (what, damaged) in damages {
            let case = tempfile::tempdir().unwrap();
            let path = case.path().join("view");
            copy(&original, &path);
            match damaged {
                Some(bytes) => fs::write(path.join(&file), bytes).unwrap(),
                None => fs::remove_file(path.join(&file)).unwrap(),
            }
            open_and_read(&path, &expected, &format!("{}: {what}", file.to_string_lossy()));
        }
    }
}
