//! The rules of one batch against what is known, without an engine.

use super::*;

fn pair(key: u8, fingerprint: u8) -> Pair {
    Pair {
        key: [key; 16],
        fingerprint: [fingerprint; 16],
    }
}

fn at(sequence: u64) -> Position {
    Position { stream: 16, sequence }
}

fn made(reservation: Result<Reservation, AppendError>) -> Arc<Ticket> {
    match reservation {
        Ok(Reservation::Made(ticket)) => ticket,
        Ok(Reservation::WaitFor(_)) => panic!("somebody else has a pair"),
        Err(error) => panic!("{error}"),
    }
}

fn record(pairs: &[Pair]) -> DedupedRecord {
    DedupedRecord {
        stream: 16,
        until: crate::Timestamp(1),
        pairs: pairs.to_vec(),
    }
}

#[test]
fn a_batch_reserves_all_or_nothing() {
    let reservations = Reservations::default();
    let first = made(reservations.reserve(16, &[pair(1, 1)], &mut Known::new()));
    let second = reservations.reserve(16, &[pair(2, 2), pair(1, 1)], &mut Known::new());
    assert!(matches!(second, Ok(Reservation::WaitFor(_))));
    assert_eq!(reservations.len(), 1, "the free one was not reserved either");
    let elsewhere = reservations.reserve(18, &[pair(1, 1)], &mut Known::new());
    assert!(
        matches!(elsewhere, Ok(Reservation::Made(_))),
        "another broker's pair is another"
    );
    reservations.answer(&first, Vec::new());
    made(reservations.reserve(16, &[pair(2, 2), pair(1, 1)], &mut Known::new()));
}

#[test]
fn a_stored_pair_stays_reserved_until_the_view_has_it_whichever_comes_first() {
    for view_first in [false, true] {
        let reservations = Reservations::default();
        let pairs = [pair(1, 1), pair(2, 2)];
        let ticket = made(reservations.reserve(16, &pairs, &mut Known::new()));
        // The second was found in the view.
        let stored = vec![(pairs[0], at(7))];
        if view_first {
            reservations.applied(&record(&pairs[..1]));
            assert_eq!(reservations.len(), 2, "the holder has no answer yet");
            reservations.answer(&ticket, stored);
        } else {
            reservations.answer(&ticket, stored);
            let mut known = Known::new();
            made(reservations.reserve(16, &pairs[..1], &mut known));
            assert_eq!(known.get(&pairs[0].key), Some(&(pairs[0].fingerprint, at(7))));
            assert_eq!(reservations.len(), 1);
            reservations.applied(&record(&pairs[..1]));
        }
        assert_eq!(reservations.len(), 0);
    }
}

#[test]
fn reservations_are_bounded() {
    let reservations = Reservations::default();
    let many: Vec<_> = (0..=DEDUPE_RESERVATIONS_MAX as u64)
        .map(|n| {
            let mut pair = pair(0, 0);
            pair.key[..8].copy_from_slice(&n.to_le_bytes());
            pair
        })
        .collect();
    let refused = reservations.reserve(16, &many, &mut Known::new());
    assert!(matches!(refused, Err(AppendError::Busy)));
    made(reservations.reserve(16, &many[1..], &mut Known::new()));
}
