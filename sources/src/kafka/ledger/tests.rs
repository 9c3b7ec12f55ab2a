//! Offsets are committed only after everything before them is stored, whatever order appends answer in.

use super::*;
use crate::testing::event;

fn key(partition: i32) -> Key {
    ("orders".to_owned(), partition)
}

fn ledger(appends_max: usize, partitions: i32) -> Ledger {
    let mut ledger = Ledger::new(appends_max);
    ledger.assign((0..partitions).map(key));
    ledger
}

/// Polls records until a batch is full, so that each fill makes one batch.
fn fill(ledger: &mut Ledger, partition: i32, offsets: std::ops::Range<i64>) {
    for offset in offsets {
        ledger.push(&key(partition), offset, event(&offset.to_string()));
    }
}

fn take(ledger: &mut Ledger) -> (Vec<String>, Receipt) {
    let (events, receipt) = ledger.take().expect("a batch").split();
    (
        events.iter().map(|event| event.id().to_owned()).collect(),
        receipt,
    )
}

#[test]
fn an_offset_is_committed_when_all_before_it_are_stored() {
    let mut ledger = ledger(2, 1);
    fill(&mut ledger, 0, 0..600);
    let (first_ids, first) = take(&mut ledger);
    let (second_ids, second) = take(&mut ledger);
    assert_eq!((first_ids.len(), second_ids.len()), (BATCH_EVENTS_MAX, 88));
    ledger.finish(second);
    assert_eq!(ledger.commits(), [], "the first is not stored yet");
    ledger.finish(first);
    assert_eq!(ledger.commits(), [(key(0), 600)]);
    assert_eq!(ledger.commits(), [], "once is enough");
}

#[test]
fn gaps_between_offsets_are_no_obstacle() {
    let mut ledger = ledger(1, 1);
    for offset in [3, 7, 100] {
        ledger.push(&key(0), offset, event("e"));
    }
    let (_, receipt) = take(&mut ledger);
    ledger.finish(receipt);
    assert_eq!(ledger.commits(), [(key(0), 101)]);
}

#[test]
fn an_ordered_partition_has_one_append_at_a_time_and_others_are_not_held_up() {
    let mut ledger = ledger(1, 2);
    fill(&mut ledger, 0, 0..3);
    let (ids, receipt) = take(&mut ledger);
    assert_eq!(ids, ["0", "1", "2"]);
    fill(&mut ledger, 0, 3..5);
    fill(&mut ledger, 1, 70..71);
    assert_eq!(take(&mut ledger).0, ["70"]);
    assert!(ledger.take().is_none());
    ledger.finish(receipt);
    assert_eq!(take(&mut ledger).0, ["3", "4"]);
}

#[test]
fn each_partition_gets_its_turn() {
    let mut ledger = ledger(4, 3);
    for partition in 0..3 {
        fill(&mut ledger, partition, 0..2_000);
    }
    let turns: Vec<i32> = (0..6).map(|_| take(&mut ledger).1.key.1).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_batch_is_bounded_in_bytes_but_takes_one_large_record() {
    let mut ledger = ledger(4, 1);
    let large = |id: &str| {
        let data = vec![b'x'; 700 << 10];
        let form = schemas::event::DataForm::Binary;
        Event::builder()
            .id(id)
            .source("/s")
            .ty("t")
            .data(form, data)
            .build()
            .expect("a valid event")
    };
    ledger.push(&key(0), 0, large("0"));
    ledger.push(&key(0), 1, large("1"));
    assert_eq!(take(&mut ledger).0, ["0"]);
    assert_eq!(take(&mut ledger).0, ["1"]);
}

#[test]
fn a_batch_that_failed_keeps_its_partition_from_committing_past_it() {
    let mut ledger = ledger(2, 1);
    fill(&mut ledger, 0, 0..600);
    let (_, first) = take(&mut ledger);
    let (_, second) = take(&mut ledger);
    ledger.fail(first);
    ledger.finish(second);
    assert_eq!(ledger.commits(), []);
}

#[test]
fn a_partition_that_is_given_up_forgets_what_waits_and_commits_what_is_stored() {
    let mut ledger = ledger(1, 2);
    fill(&mut ledger, 0, 0..600);
    let (_, receipt) = take(&mut ledger);
    ledger.leave(&[key(0)]);
    assert!(ledger.take().is_none(), "nothing more is taken from it");
    assert!(!ledger.is_quiet(&[key(0)]) && ledger.is_quiet(&[key(1)]));
    ledger.push(&key(0), 600, event("late"));
    ledger.finish(receipt);
    assert!(ledger.is_quiet(&[key(0)]));
    assert_eq!(ledger.commits(), [(key(0), 512)]);
    ledger.remove(&[key(0)]);
    assert_eq!((ledger.held_records, ledger.held_bytes), (0, 0));
}

#[test]
fn an_append_of_an_older_assignment_moves_nothing() {
    let mut ledger = ledger(1, 1);
    fill(&mut ledger, 0, 0..3);
    let (_, old) = take(&mut ledger);
    ledger.leave(&[key(0)]);
    ledger.remove(&[key(0)]);
    ledger.assign([key(0)]);
    fill(&mut ledger, 0, 0..1);
    ledger.finish(old);
    assert_eq!(ledger.commits(), []);
    let (_, new) = take(&mut ledger);
    ledger.finish(new);
    assert_eq!(ledger.commits(), [(key(0), 1)]);
    assert_eq!((ledger.held_records, ledger.held_bytes), (0, 0));
}

#[test]
fn a_commit_that_failed_is_handed_out_again() {
    let mut ledger = ledger(1, 1);
    fill(&mut ledger, 0, 0..1);
    let (_, receipt) = take(&mut ledger);
    ledger.finish(receipt);
    assert_eq!(ledger.commits().len(), 1);
    ledger.commit_failed(&[key(0)]);
    assert_eq!(ledger.commits(), [(key(0), 1)]);
}

#[test]
fn there_is_room_until_records_or_bytes_are_used_up_and_closing_takes_nothing_more() {
    let mut ledger = ledger(1, 1);
    let most = i64::try_from(KAFKA_HELD_RECORDS_MAX).expect("small");
    fill(&mut ledger, 0, 0..most);
    assert!(!ledger.has_room());
    let (_, receipt) = take(&mut ledger);
    ledger.finish(receipt);
    assert!(ledger.has_room());
    ledger.close();
    fill(&mut ledger, 0, most..most + 1);
    assert!(ledger.take().is_none());
    assert_eq!((ledger.held_records, ledger.held_bytes), (0, 0));
}

/// Random polls, appends that answer in any order, rebalances: a committed offset never passes a record that is not
/// stored, and the books balance.
#[test]
fn no_order_of_events_commits_past_a_record_that_is_not_stored() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut ledger = ledger(3, 2);
        let mut next = [0_i64; 2];
        let mut stored = [
            std::collections::BTreeSet::new(),
            std::collections::BTreeSet::new(),
        ];
        let mut open = Vec::new();
        for _ in 0..400 {
            let partition = random.i32(0..2);
            let at = usize::try_from(partition).expect("small");
            match random.u8(0..10) {
                0..5 => {
                    ledger.push(&key(partition), next[at], event(&next[at].to_string()));
                    next[at] += random.i64(1..4);
                }
                5..7 => open.extend(ledger.take().map(Batch::split)),
                7..9 if !open.is_empty() => {
                    let (events, receipt) = open.swap_remove(random.usize(..open.len()));
                    let to = &mut stored[usize::try_from(receipt.key.1).expect("small")];
                    to.extend(
                        events
                            .iter()
                            .map(|event| event.id().parse::<i64>().expect("a number")),
                    );
                    ledger.finish(receipt);
                }
                9 if random.u8(0..20) == 0 => {
                    // Given up and given back: the new assignment starts where the last commit was.
                    let resume = ledger.partitions[&key(partition)].committable;
                    ledger.leave(&[key(partition)]);
                    ledger.remove(&[key(partition)]);
                    ledger.assign([key(partition)]);
                    next[at] = resume.unwrap_or(0);
                }
                _ => {}
            }
            for ((_, partition), offset) in ledger.commits() {
                let stored = &stored[usize::try_from(partition).expect("small")];
                let entries = &ledger.partitions[&key(partition)].entries;
                let first_open = entries.front().map_or(i64::MAX, |entry| entry.offset);
                assert!(offset <= first_open, "seed {seed}");
                assert!(stored.contains(&(offset - 1)), "seed {seed}");
            }
        }
        for (_, receipt) in open {
            ledger.finish(receipt);
        }
        ledger.close();
        assert_eq!((ledger.held_records, ledger.held_bytes), (0, 0), "seed {seed}");
    }
}
