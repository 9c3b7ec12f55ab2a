//! Round trips of state records, and refusal of bytes that are none.

use proptest::prelude::*;

use super::*;
use crate::embedded::dedupe::Pair;
use crate::{Failure, Position, Step};
use crate::{Outcome, Progress};

fn progress(attempts: u32) -> Box<Progress> {
    Box::new(Progress {
        step: Step::DeadLetterSink,
        attempts,
        subscriber_attempts: 4,
        failure: Some(Failure {
            destination: "http://sink/".into(),
            code: Some(503),
            data: vec![0, 159, 255],
            message: "it said no".into(),
        }),
    })
}

fn held() -> impl Strategy<Value = Held> {
    let times = (any::<u64>(), any::<u64>(), any::<u32>());
    (0..4, times).prop_map(|(which, (at, since, attempts))| {
        let (at, since, progress) = (Timestamp(at), Timestamp(since), progress(attempts));
        match which {
            0 => Held::Behind,
            1 => Held::Retry { at, progress },
            2 => Held::Blocked { at, since, progress },
            _ => Held::Parked { since, progress },
        }
    })
}

fn item() -> impl Strategy<Value = Item> {
    let fate = prop_oneof![
        (any::<[u8; 16]>(), held()).prop_map(|(key, held)| Fate::Held {
            key: Key::from_bytes(key),
            held,
        }),
        Just(Fate::Settled(Outcome::Delivered)),
        Just(Fate::Settled(Outcome::DeadLetterSink)),
        Just(Fate::Settled(Outcome::DeadLetterStore)),
        Just(Fate::Unreadable),
        Just(Fate::Expired),
        (any::<u64>(), any::<u32>()).prop_map(|(at, attempts)| Fate::Retry {
            at: Timestamp(at),
            progress: progress(attempts),
        }),
    ];
    (any::<u64>(), 1_u64.., any::<u64>(), fate).prop_map(|(id, sequence, covers, fate)| Item {
        subscription: SubscriptionId(id),
        sequence,
        covers: covers % sequence,
        fate,
    })
}

proptest! {
    #[test]
    fn settlements_come_back_as_they_were(items in prop::collection::vec(item(), 0..20)) {
        let record = StateRecord::Settlements(items);
        let entry = record.entry();
        prop_assert_eq!(StateRecord::read(entry.kind, entry.head), Ok(record));
    }

    #[test]
    fn progress_and_source_state_come_back_as_they_were(
        floors in prop::collection::vec((any::<u64>(), any::<u64>()), 0..20),
        key in ".{0,40}",
        state in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let floors = floors.into_iter().map(|(id, floor)| (SubscriptionId(id), floor)).collect();
        for record in [StateRecord::Progress(floors), StateRecord::SourceState(SourceState { key, state })] {
            let entry = record.entry();
            prop_assert_eq!(StateRecord::read(entry.kind, entry.head), Ok(record));
        }
    }

    #[test]
    fn pairs_come_back_as_they_were(
        (stream, until) in (any::<u64>(), any::<u64>()),
        pairs in prop::collection::vec((any::<[u8; 16]>(), any::<[u8; 16]>()), 0..20),
    ) {
        let pairs = pairs.into_iter().map(|(key, fingerprint)| Pair { key, fingerprint }).collect();
        let record = StateRecord::Deduped(DedupedRecord { stream, until: Timestamp(until), pairs });
        let entry = record.entry();
        prop_assert_eq!(StateRecord::read(entry.kind, entry.head), Ok(record));
    }

    #[test]
    fn what_left_the_store_comes_back_as_it_was(
        how in prop::sample::select(vec![Leave::Purged, Leave::Redriven, Leave::Expired]),
        letters in prop::collection::vec((any::<u64>(), any::<[u64; 4]>()), 0..20),
    ) {
        let at = |stream, sequence| Position { stream, sequence };
        let letters = letters.into_iter().map(|(id, [a, b, c, d])| LetterGone {
            subscription: SubscriptionId(id),
            cause: at(a, b),
            copy: at(c, d),
        });
        let record = StateRecord::LettersGone(LettersGoneRecord { how, letters: letters.collect() });
        let entry = record.entry();
        prop_assert_eq!(StateRecord::read(entry.kind, entry.head), Ok(record));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let bytes = Bytes::from(bytes);
        let _ = StateRecord::read(kind, bytes.clone());
        let _ = read_event(&bytes, Bytes::new());
        let _ = read_dead_letter(Position { stream: 17, sequence: 1 }, &bytes, Bytes::new());
    }
}

#[test]
fn an_item_cannot_cover_more_than_lies_before_it() {
    let mut head = BytesMut::new();
    put_varint(&mut head, 1);
    head.put_u8(0);
    for value in [7, 3, 3] {
        put_varint(&mut head, value);
    }
    assert!(StateRecord::read(SETTLEMENTS, head.freeze()).is_err());
}
