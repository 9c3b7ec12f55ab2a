//! Looking through a journal without changing it.

use std::path::Path;
use std::sync::Arc;

use journal::sim::SimFs;
use journal::{FileSystem, Inspection, LockState, Lost, MarkerState, StreamId, inspect};

use crate::support::{append, entry, frame, open, small};

/// A closed journal with several segments, and the sequences of stream 1 by segment.
fn journal() -> SimFs {
    let sim = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    let (journal, _) = open(&fs, &small("/journal"));
    while journal.stats().segments < 4 {
        append(&journal, frame([entry(1, vec![b'a'; 500]), entry(0, "state")])).unwrap();
    }
    journal.close();
    sim
}

fn look(sim: &SimFs) -> Inspection {
    inspect(sim, Path::new("/journal"), StreamId(0), &mut |_| {}).unwrap()
}

#[test]
fn a_whole_journal_is_whole_and_stays_as_it_is() {
    let sim = journal();
    let before: Vec<_> = sim
        .files()
        .iter()
        .map(|file| sim.contents(file).unwrap())
        .collect();
    let mut seen = 0;
    let found = inspect(&sim, Path::new("/journal"), StreamId(0), &mut |record| {
        assert_eq!(&record.head[..], b"state");
        seen += 1;
    })
    .unwrap();
    assert!(!found.is_damaged(), "{found:?}");
    assert_eq!(
        (found.marker, found.lock, found.segments.len()),
        (MarkerState::Known, LockState::Free, 4)
    );
    assert_eq!(
        found.segments.iter().map(|segment| segment.records).sum::<u64>(),
        2 * seen
    );
    let after: Vec<_> = sim
        .files()
        .iter()
        .map(|file| sim.contents(file).unwrap())
        .collect();
    assert_eq!(before, after);
}

#[test]
fn every_byte_that_matters_is_looked_at_in_a_sealed_segment_and_what_is_lost_is_named() {
    let whole = journal();
    let path = Path::new("/journal/000000000002.seg");
    let length = whole.contents(path).unwrap().len() as u64;
    let mut named = 0;
    // The segment's header is padded with zeros that nothing covers, and so are groups.
    for offset in (4096..length).step_by(97) {
        let sim = whole.fork();
        let original = sim.contents(path).unwrap()[usize::try_from(offset).unwrap()];
        sim.flip_bit(path, offset, 3).unwrap();
        let found = look(&sim);
        let is_padding = original == 0 && !found.is_damaged();
        assert!(found.is_damaged() || is_padding, "byte {offset}");
        if let [Lost { stream, from, to }] = found.lost[..] {
            assert!(stream.0 <= 1 && from <= to, "byte {offset}: {found:?}");
            named += 1;
        }
    }
    assert!(named > 50, "{named} places lost records that are named");
}

#[test]
fn a_missing_segment_and_a_damaged_header_are_said() {
    let sim = journal();
    sim.remove(Path::new("/journal/000000000002.seg")).unwrap();
    sim.flip_bit(Path::new("/journal/000000000003.seg"), 20, 1)
        .unwrap();
    let found = look(&sim);
    let damage = |index: usize| found.segments[index].damage.join(" ");
    assert_eq!(found.segments[1].file, "000000000002.seg");
    assert!(
        damage(1).contains("missing") && damage(2).contains("header"),
        "{found:?}"
    );
    assert!(
        found.lost.iter().any(|lost| lost.stream == StreamId(1)),
        "{found:?}"
    );
}

#[test]
fn a_torn_tail_is_no_damage() {
    let sim = journal();
    let path = Path::new("/journal/000000000004.seg");
    let mut bytes = sim.contents(path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end + 200..end + 260].fill(b'x');
    sim.put(path, &bytes);
    let found = look(&sim);
    assert!(!found.is_damaged(), "{found:?}");
    assert!(found.segments[3].tail_bytes > 0, "{found:?}");
}

#[test]
fn a_journal_in_use_is_looked_through_as_well() {
    let sim = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    let (journal, _) = open(&fs, &small("/journal"));
    let writer = {
        let journal = journal.clone();
        std::thread::spawn(move || {
            for _ in 0..2000 {
                append(&journal, frame([entry(1, vec![b'a'; 300])])).unwrap();
            }
        })
    };
    while !writer.is_finished() {
        let found = look(&sim);
        assert!(!found.is_damaged(), "{found:?}");
        assert_eq!(found.lock, LockState::Held(Some(std::process::id())));
    }
    writer.join().unwrap();
    journal.close();
}

#[test]
fn what_is_no_journal_yet_and_what_a_newer_program_wrote_is_said() {
    let sim = SimFs::new();
    assert_eq!(look(&sim).marker, MarkerState::Nothing);
    let newer = "heddle journal\nformat 3\n";
    let newer = format!("{newer}sum {:08x}\n", crc_fast::crc32_iscsi(newer.as_bytes()));
    sim.put(Path::new("/journal/FORMAT"), newer.as_bytes());
    assert_eq!(look(&sim).marker, MarkerState::Newer(3));
    let sim = journal();
    sim.put(Path::new("/journal/FORMAT"), b"what?");
    let found = look(&sim);
    assert!(found.marker == MarkerState::Damaged && found.is_damaged());
    assert!(
        found.segments.iter().all(|segment| segment.damage.is_empty()),
        "{found:?}"
    );
}
