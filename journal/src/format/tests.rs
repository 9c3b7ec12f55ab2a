//! Each piece of the format: what is written is read back, and nothing else is taken for it.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::record::{Entry, StreamId};

const ID: JournalId = *b"sixteen bytes id";

fn place() -> Place {
    Place::new(&ID, 7)
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let bytes = || vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let entry = (0..=LAST_STREAM, any::<u8>(), bytes(), bytes());
    vec(
        entry.prop_map(|(stream, kind, head, body)| Entry {
            stream: StreamId(stream),
            kind,
            head,
            body,
            kept: None,
        }),
        0..5,
    )
}

/// A frame at this offset, in epoch 3 and group 11; sequences count from 100.
fn frame_at(offset: u64, entries: &[Entry]) -> (Vec<u8>, Vec<Slot>) {
    let mut buffer = Vec::new();
    let mut writer = FrameWriter {
        buffer: &mut buffer,
        base: offset,
        place: place(),
        epoch: 3,
        group: 11,
    };
    let slots = writer.write(entries.iter().zip(100..));
    (buffer, slots.to_vec())
}

fn group_head() -> GroupHead {
    GroupHead {
        kind: GroupKind::Frames,
        epoch: 3,
        number: 11,
        last_synced: 10,
        records_before: 55,
        body_bytes: 1000,
        frames: 4,
        records: 9,
    }
}

fn segment_head() -> SegmentHead {
    SegmentHead {
        id: ID,
        number: 7,
        epoch: 3,
        first_group: 11,
        last_synced: 10,
        records_before: 55,
    }
}

/// Every single flipped bit of the bytes.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut copy = bytes.to_vec();
        copy[bit / 8] ^= 1 << (bit % 8);
        copy
    })
}

proptest! {
    #[test]
    fn a_frame_is_read_back_with_the_places_of_its_records(entries in entries(), offset in 0..1_u64 << 30) {
        let (bytes, slots) = frame_at(offset, &entries);
        prop_assert_eq!(bytes.len() as u64, frame_bytes(&entries));
        let (found, used) = read_frame(&bytes, offset, place(), 3, 11).expect("a whole frame");
        prop_assert_eq!(used, bytes.len());
        let streams = entries.iter().map(|entry| entry.stream);
        prop_assert_eq!(found, streams.zip(slots.iter().copied()).collect::<Vec<_>>());
        for (entry, slot) in entries.iter().zip(slots) {
            let at = usize::try_from(u64::from(slot.offset) - offset).unwrap();
            let record = &bytes[at..at + slot.bytes as usize];
            let (head, payload) = verify_record(record, u64::from(slot.offset), place()).expect("a whole record");
            prop_assert_eq!((head.stream, head.sequence, head.kind), (entry.stream, slot.sequence, entry.kind));
            prop_assert_eq!(payload, [&entry.head[..], &entry.body[..]].concat());
            prop_assert_eq!(slot.payload_bytes(), entry.payload_bytes());
        }
    }

    #[test]
    fn a_frame_elsewhere_is_no_frame(entries in entries(), offset in 0..1_u64 << 30, moved in 1..1_u64 << 20) {
        let (bytes, slots) = frame_at(offset, &entries);
        prop_assert!(read_frame(&bytes, offset + moved, place(), 3, 11).is_none(), "another offset");
        prop_assert!(read_frame(&bytes, offset, place(), 4, 11).is_none(), "another epoch");
        prop_assert!(read_frame(&bytes, offset, place(), 3, 12).is_none(), "another group");
        prop_assert!(read_frame(&bytes, offset, Place::new(&ID, 8), 3, 11).is_none(), "another segment");
        prop_assert!(read_frame(&bytes, offset, Place::new(b"another journal!", 7), 3, 11).is_none());
        for slot in slots {
            let at = usize::try_from(u64::from(slot.offset) - offset).unwrap();
            prop_assert!(verify_record(&bytes[at..], u64::from(slot.offset) + moved, place()).is_none());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..200), offset in 0..1_u64 << 31) {
        prop_assert!(read_frame(&bytes, offset, place(), 3, 11).is_none());
        prop_assert!(verify_record(&bytes, offset, place()).is_none());
        prop_assert!(GroupHead::decode(&bytes, place(), offset).is_none());
        prop_assert_eq!(SegmentHead::decode(&bytes), Err(HeaderFault::Damaged));
        prop_assert!(Trailer::decode(place(), offset, &bytes).is_none());
        prop_assert_eq!(Marker::decode(&bytes), Err(HeaderFault::Damaged));
    }

    #[test]
    fn a_footer_is_read_back(counts in vec(0..20_u32, 0..6), data_end in 4096..1_u32 << 20) {
        let slots = |count| (0..count).map(|n| Slot { sequence: u64::from(n) + 5, offset: n * 10, bytes: 10 });
        let streams: Vec<_> = (0..).zip(&counts)
            .map(|(stream, count)| (StreamId(stream), slots(*count).collect::<Vec<_>>(), 99))
            .collect();
        let (bytes, footer) = Footer::encode(place(), &streams, Trailer { data_end, segment: 7, ..Trailer::default() });
        let records: u32 = counts.iter().sum();
        prop_assert_eq!(bytes.len() as u64, footer_bytes(u64::from(records), counts.len() as u64));
        let file_bytes = u64::from(data_end) + bytes.len() as u64;
        let (rest, trailer) = bytes.split_at(bytes.len() - Trailer::BYTES);
        let trailer = Trailer::decode(place(), file_bytes, trailer).expect("a whole trailer");
        let (tables, directory) = rest.split_at(rest.len() - trailer.directory_bytes());
        let found = Footer::decode(place(), trailer, directory).expect("a whole directory");
        prop_assert_eq!(&found, &footer);
        for (entry, (stream, slots, next)) in found.directory.iter().zip(&streams) {
            let at = (entry.table_offset - data_end) as usize;
            let table = decode_table(place(), entry, &tables[at..at + entry.table_bytes()]);
            prop_assert_eq!((entry.stream, table.as_ref(), entry.next), (*stream, Some(slots), *next));
        }
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let entry = Entry {
        stream: StreamId(1),
        kind: 2,
        head: Bytes::from("head"),
        body: Bytes::from("body"),
        kept: None,
    };
    let (frame, slots) = frame_at(4096, &[entry.clone(), entry]);
    let first = (slots[0].offset - 4096) as usize;
    for bytes in flipped(&frame[..first + 25]) {
        assert!(read_frame(&[&bytes, &frame[first + 25..]].concat(), 4096, place(), 3, 11).is_none());
    }
    for bytes in flipped(&frame[first..first + slots[0].bytes as usize]) {
        assert!(verify_record(&bytes, u64::from(slots[0].offset), place()).is_none());
    }
    for bytes in flipped(&group_head().encode(place(), 4096)) {
        assert_eq!(GroupHead::decode(&bytes, place(), 4096), None);
    }
    for bytes in flipped(&segment_head().encode()[..80]) {
        assert_eq!(SegmentHead::decode(&bytes), Err(HeaderFault::Damaged));
    }
    for bytes in flipped(Marker { id: ID }.encode().as_bytes()) {
        assert_eq!(Marker::decode(&bytes), Err(HeaderFault::Damaged));
    }
    let (footer, _) = Footer::encode(
        place(),
        &[(StreamId(1), slots, 3)],
        Trailer {
            data_end: 8000,
            ..Trailer::default()
        },
    );
    let (rest, trailer) = footer.split_at(footer.len() - Trailer::BYTES);
    let end = 8000 + footer.len() as u64;
    for bytes in flipped(trailer) {
        assert_eq!(Trailer::decode(place(), end, &bytes), None);
    }
    let trailer = Trailer::decode(place(), end, trailer).unwrap();
    for bytes in flipped(&rest[32..]) {
        assert_eq!(Footer::decode(place(), trailer.clone(), &bytes), None);
    }
    let entry = Footer::decode(place(), trailer, &rest[32..])
        .unwrap()
        .directory
        .remove(0);
    for bytes in flipped(&rest[..32]) {
        assert_eq!(decode_table(place(), &entry, &bytes), None);
    }
}

#[test]
fn headers_are_read_back() {
    let bytes = group_head().encode(place(), 4096);
    assert_eq!(GroupHead::decode(&bytes, place(), 4096), Some(group_head()));
    assert_eq!(
        GroupHead::decode(&bytes, place(), 4112),
        None,
        "a group that was moved"
    );
    assert_eq!(group_head().total_bytes(), 1072);
    let bytes = segment_head().encode();
    assert_eq!(bytes.len() as u64, SEGMENT_HEAD);
    assert_eq!(SegmentHead::decode(&bytes), Ok(segment_head()));
    let text = Marker { id: ID }.encode();
    assert_eq!(Marker::decode(text.as_bytes()), Ok(Marker { id: ID }));
    assert!(
        text.starts_with("heddle journal\nformat 1\nid 7369787465656e20"),
        "{text}"
    );
}

#[test]
fn a_newer_segment_header_says_which_version_it_has() {
    let mut bytes = segment_head().encode();
    bytes[8] = 2;
    let mut covered = bytes[..80].to_vec();
    covered[12..16].fill(0);
    bytes[12..16].copy_from_slice(&plain_sum(&covered).to_le_bytes());
    assert_eq!(SegmentHead::decode(&bytes), Err(HeaderFault::Newer(2)));
}

#[test]
fn the_layout_is_what_the_documentation_says() {
    let bytes = segment_head().encode();
    assert_eq!(&bytes[..8], b"HEDDLESG");
    assert_eq!(
        (u32_at(&bytes, 8), u64_at(&bytes, 32), u64_at(&bytes, 48)),
        (1, 7, 11)
    );
    let bytes = group_head().encode(place(), 0);
    assert_eq!((&bytes[..4], bytes[4]), (&b"HGRP"[..], 0));
    assert_eq!(
        (
            u64_at(&bytes, 8),
            u64_at(&bytes, 16),
            u64_at(&bytes, 24),
            u64_at(&bytes, 32)
        ),
        (3, 11, 10, 55)
    );
    assert_eq!(
        (u32_at(&bytes, 40), u32_at(&bytes, 44), u32_at(&bytes, 48)),
        (1000, 4, 9)
    );
    let entry = Entry {
        stream: StreamId(5),
        kind: 6,
        head: Bytes::from("ab"),
        body: Bytes::from("c"),
        kept: None,
    };
    let (bytes, _) = frame_at(0, std::slice::from_ref(&entry));
    assert_eq!((u32_at(&bytes, 0), u32_at(&bytes, 4)), (28, 1));
    assert_eq!(
        (
            u32_at(&bytes, 12),
            u64_at(&bytes, 20),
            u64_at(&bytes, 28),
            bytes[36]
        ),
        (3, 5, 100, 6)
    );
    assert_eq!(&bytes[37..], b"abc");
    let copy = Entry {
        kept: Some(100),
        ..entry
    };
    let (bytes, _) = frame_at(0, &[copy]);
    assert_eq!(u64_at(&bytes, 20), 5 | 1 << 63);
}

#[test]
fn a_mark_is_read_back_and_half_a_mark_is_none() {
    let marked = |stream, from, next| MarkedStream {
        stream: StreamId(stream),
        from,
        next,
    };
    let mark = Mark {
        segment: 9,
        records_after: 1000,
        other: 3,
        streams: vec![marked(0, 7, 7), marked(LAST_STREAM, 21, 30)],
    };
    let bytes = mark.encode();
    assert_eq!(bytes.len(), 16 + 2 * 24);
    assert_eq!(Mark::decode(9, &bytes), Some(mark));
    assert_eq!(Mark::decode(9, &bytes[..bytes.len() - 1]), None);
    assert_eq!(Mark::decode(9, &bytes[..15]), None);
}

#[test]
fn only_segment_files_have_a_segment_number() {
    assert_eq!(segment_number(&file_name(12)), Some(12));
    assert_eq!(segment_number("1234567890123.seg"), Some(1_234_567_890_123));
    for other in [
        "000000000000.seg",
        "12.seg",
        "+00000000012.seg",
        "000000000012.seg.old",
        "next.spare",
        "FORMAT",
    ] {
        assert_eq!(segment_number(other), None, "{other}");
    }
}

fn closed() -> Closed {
    Closed {
        id: ID,
        epoch: 3,
        segment: 12,
        group: 345,
        records: 6789,
        other: 2,
        streams: vec![(StreamId(0), 17), (StreamId(LAST_STREAM), u64::MAX)],
    }
}

#[test]
fn what_a_close_leaves_is_read_back_and_a_flipped_bit_in_it_is_noticed() {
    let text = closed().encode();
    assert_eq!(Closed::decode(text.as_bytes()), Ok(closed()));
    for flipped in flipped(text.as_bytes()) {
        assert_eq!(Closed::decode(&flipped), Err(HeaderFault::Damaged));
    }
    for end in 0..text.len() {
        assert_eq!(Closed::decode(&text.as_bytes()[..end]), Err(HeaderFault::Damaged));
    }
}

#[test]
fn what_a_close_of_a_newer_program_leaves_is_named() {
    let text = "heddle journal closed\nformat 9\n";
    let text = format!("{text}sum {:08x}\n", crc_fast::crc32_iscsi(text.as_bytes()));
    assert_eq!(Closed::decode(text.as_bytes()), Err(HeaderFault::Newer(9)));
}
