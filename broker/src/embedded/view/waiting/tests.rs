//! The schedule follows from what waits, and of a key only the first is in it.

use proptest::prelude::*;

use super::*;
use crate::embedded::view::{Pairs, StateBounds};

const ID: SubscriptionId = SubscriptionId(1);

fn progress() -> Box<Progress> {
    Box::default()
}

fn held(held: Held) -> Retry {
    let key = Key::named(Some("a"));
    Retry::of(&Fate::Held { key, held }).unwrap()
}

fn new_view(directory: &tempfile::TempDir) -> View {
    let path = directory.path().join("view");
    View::open(&path, b"0123456789abcdef", StateBounds::default())
        .unwrap()
        .view
}

fn due(view: &View) -> Vec<(u64, u64)> {
    let found = view.due(ID, Timestamp(0)).map(Result::unwrap);
    found.map(|due| (due.at.0, due.sequence)).collect()
}

#[test]
fn of_a_key_only_the_first_is_due_and_the_next_is_when_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let view = new_view(&directory);
    let later = Held::Retry {
        at: Timestamp(70),
        progress: progress(),
    };
    view.put_retry(ID, 5, &held(later)).unwrap();
    view.put_retry(ID, 9, &held(Held::Behind)).unwrap();
    view.put_retry(ID, 7, &held(Held::Behind)).unwrap();
    assert_eq!(due(&view), [(70, 5)]);
    let first = view.first_of(ID, Key::named(Some("a"))).unwrap();
    assert_eq!(first, Some((5, Hold::Retry)));
    view.remove_retry(ID, 5).unwrap();
    assert_eq!(due(&view), [(0, 7)]);
    view.remove_retry(ID, 7).unwrap();
    assert_eq!(due(&view), [(0, 9)]);
    assert_eq!(view.waiting(ID).behind, 1);
    view.remove_retry(ID, 9).unwrap();
    assert_eq!((due(&view), view.waiting(ID)), (vec![], Waiting::default()));
}

#[test]
fn an_event_that_comes_to_wait_before_the_first_of_its_key_takes_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let view = new_view(&directory);
    view.put_retry(ID, 7, &held(Held::Behind)).unwrap();
    assert_eq!(due(&view), [(0, 7)]);
    let parked = Held::Parked {
        since: Timestamp(3),
        progress: progress(),
    };
    view.put_retry(ID, 5, &held(parked)).unwrap();
    assert_eq!(
        due(&view),
        [(u64::MAX, 5)],
        "behind a parked event nothing is due"
    );
    assert_eq!(view.parked(ID).count(), 1);
    view.put_retry(ID, 5, &held(Held::Behind)).unwrap();
    assert_eq!(due(&view), [(0, 5)]);
}

fn retry() -> impl Strategy<Value = Retry> {
    (0_u8..5, 0_usize..3, 1_u64..50).prop_map(|(which, key, at)| {
        let at = Timestamp(at);
        let progress = progress();
        let key = Key::named(["a", "b", ""].get(key).copied());
        let held = match which {
            0 => Held::Behind,
            1 => Held::Retry { at, progress },
            2 => Held::Blocked {
                at,
                since: at,
                progress,
            },
            3 => Held::Parked { since: at, progress },
            _ => return Retry::of(&Fate::Retry { at, progress }).unwrap(),
        };
        Retry::of(&Fate::Held { key, held }).unwrap()
    })
}

/// Everything but the facts, which is what must follow from them.
fn derived(view: &View) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of = |letter: &[u8]| view.scan(letter).map(Result::unwrap).collect::<Vec<_>>();
    [of(b"d"), of(b"k"), of(b"c")].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_loaded_from_facts_is_what_changes_led_to(
        changes in prop::collection::vec((1_u64..12, prop::option::weighted(0.7, retry())), 1..40),
        page in 1_usize..400,
    ) {
        let directories = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (view, loaded) = (new_view(&directories.0), new_view(&directories.1));
        for (sequence, retry) in changes {
            match retry {
                Some(retry) => view.put_retry(ID, sequence, &retry).unwrap(),
                None => view.remove_retry(ID, sequence).unwrap(),
            }
        }
        let mut pairs = Pairs::new(Vec::new());
        loop {
            let some = pairs.next(&view, page).unwrap();
            if some.is_empty() {
                break;
            }
            loaded.load(some).unwrap();
        }
        prop_assert_eq!(derived(&view), derived(&loaded));
        prop_assert_eq!(view.waiting(ID), loaded.waiting(ID));
        for key in [Key::named(Some("a")), Key::named(Some("b")), Key::NONE] {
            let all = view.of_key(ID, key, 100).unwrap();
            for (index, (sequence, hold)) in all.into_iter().enumerate() {
                let is_due = due(&view).iter().any(|(_, other)| *other == sequence);
                prop_assert_eq!(is_due, index == 0 || hold != Hold::Behind, "{} of {:?}", sequence, hold);
            }
        }
    }
}
