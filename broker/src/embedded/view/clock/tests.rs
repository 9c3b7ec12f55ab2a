use super::*;
use crate::Progress;
use crate::embedded::key::Key;
use crate::embedded::records::{Fate, Held};
use crate::embedded::view::StateBounds;

const HOUR: u64 = 3_600_000;
const NOW: Timestamp = Timestamp(100 * HOUR);

fn view(directory: &tempfile::TempDir) -> View {
    let path = directory.path().join("view");
    View::open(&path, b"0123456789abcdef", StateBounds::default())
        .unwrap()
        .view
}

fn retry(at: u64, attempts: u32) -> Retry {
    let progress = Box::new(Progress {
        attempts,
        ..Progress::default()
    });
    let at = Timestamp(at);
    Retry::of(&Fate::Retry { at, progress }).unwrap()
}

fn put(view: &View, sequence: u64, at: u64) {
    let retry = retry(at, u32::try_from(sequence).unwrap());
    view.put_retry(SubscriptionId(1), sequence, &retry).unwrap();
}

fn times(view: &View) -> Vec<(u64, u64)> {
    let due = view.due(SubscriptionId(1), Timestamp(0)).map(Result::unwrap);
    due.map(|due| (due.at.0, due.sequence)).collect()
}

#[test]
fn after_a_step_back_each_retry_waits_as_long_as_it_would_have_waited() {
    let directory = tempfile::tempdir().unwrap();
    let view = view(&directory);
    // The clock was an hour ahead when these were scheduled: due, due in a second, due in two hours.
    for (sequence, at) in [
        (1, 100 * HOUR),
        (2, 101 * HOUR + 1000),
        (3, 103 * HOUR),
        (4, 99 * HOUR),
    ] {
        put(&view, sequence, at);
    }
    put(&view, 5, 100 * HOUR + HOUR / 2);
    let moved = view
        .bring_near(SubscriptionId(1), NOW, Duration::from_millis(HOUR))
        .unwrap();
    assert_eq!(moved, 3);
    assert_eq!(
        times(&view),
        [
            (99 * HOUR, 4),
            (NOW.0, 1),
            (NOW.0, 5),
            (NOW.0 + 1000, 2),
            (102 * HOUR, 3)
        ]
    );
    let kept = view.retry(SubscriptionId(1), 2).unwrap().unwrap();
    assert_eq!((kept.at.0, kept.progress.attempts), (NOW.0 + 1000, 2));
}

#[test]
fn without_a_step_back_only_what_no_wait_can_reach_is_brought_near() {
    let directory = tempfile::tempdir().unwrap();
    let view = view(&directory);
    let furthest = NOW.after(RETRY_WAIT_MAX).0;
    for (sequence, at) in [
        (1, NOW.0 + 5),
        (2, furthest),
        (3, furthest + 1),
        (4, u64::MAX - 1),
    ] {
        put(&view, sequence, at);
    }
    assert_eq!(
        view.bring_near(SubscriptionId(1), NOW, Duration::ZERO).unwrap(),
        2
    );
    assert_eq!(
        times(&view),
        [(NOW.0 + 5, 1), (furthest, 2), (furthest, 3), (furthest, 4)]
    );
}

#[test]
fn more_retries_than_a_batch_are_all_brought_near_and_another_subscriptions_stay() {
    let directory = tempfile::tempdir().unwrap();
    let view = view(&directory);
    let many = BATCH as u64 * 2 + 10;
    for sequence in 1..=many {
        put(&view, sequence, 200 * HOUR + sequence / 3);
    }
    let other = retry(200 * HOUR, 0);
    view.put_retry(SubscriptionId(2), 1, &other).unwrap();
    let moved = view
        .bring_near(SubscriptionId(1), NOW, Duration::from_millis(99 * HOUR))
        .unwrap();
    assert_eq!(moved, many);
    let times = times(&view);
    assert_eq!(times.len() as u64, many);
    assert!(
        times
            .iter()
            .all(|(at, sequence)| *at == 101 * HOUR + sequence / 3)
    );
    assert_eq!(view.retry(SubscriptionId(2), 1).unwrap(), Some(other));
}

#[test]
fn a_step_back_moves_keyed_retries_with_their_key_and_no_parked_event() {
    let directory = tempfile::tempdir().unwrap();
    let view = view(&directory);
    let key = Key::named(Some("a"));
    let progress = || Box::new(Progress::default());
    let helds = [
        Held::Retry {
            at: Timestamp(103 * HOUR),
            progress: progress(),
        },
        Held::Parked {
            since: NOW,
            progress: progress(),
        },
    ];
    for (sequence, held) in (1..).zip(helds) {
        let retry = Retry::of(&Fate::Held { key, held }).unwrap();
        view.put_retry(SubscriptionId(1), sequence, &retry).unwrap();
    }
    view.bring_near(SubscriptionId(1), NOW, Duration::from_millis(HOUR))
        .unwrap();
    assert_eq!(times(&view), [(102 * HOUR, 1), (u64::MAX, 2)]);
    let due = view.due(SubscriptionId(1), Timestamp(0)).map(Result::unwrap);
    assert!(due.into_iter().all(|due| due.key == Some(key)));
}
