//! The reader of segments: the journal on damaged files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use journal::sim::SimFs;
use journal::{Entry, FileSystem, Frame, Journal, Options, Purpose, ReadError, ReadLimit, StreamId};

const DIRECTORY: &str = "/journal";
const SEGMENT_BYTES: u64 = 16 << 10;
const RECORDS: u64 = 40;
const ONE: ReadLimit = ReadLimit {
    records_max: 1,
    bytes_max: 0,
};

/// A journal of several segments, damaged as the bytes say: edits of eleven bytes each (file, kind, two places, a
/// length, a byte). It must open, serve every record as it was written or not at all, and take new ones.
pub fn journal(data: &[u8]) {
    let fs = SimFs::new();
    let mut written = fill(&fs);
    for edit in data.chunks_exact(11).take(16) {
        damage(&fs, edit);
    }
    for _ in 0..2 {
        let Ok((journal, _)) = Journal::open(Arc::new(fs.clone()), options(), None) else {
            // It may refuse what says that it is of a newer format, or what it cannot tell the name of.
            return;
        };
        for ((stream, sequence), payload) in &written {
            match journal.read(StreamId(*stream), *sequence, ONE) {
                Ok(records) => {
                    for record in records.iter().filter(|record| record.sequence == *sequence) {
                        assert_eq!(record.head, payload, "a record is served as it was written");
                    }
                }
                Err(ReadError::Damaged { from, to, .. }) => assert!(from <= to && to >= *sequence),
                Err(error) => panic!("a simulated disk reads: {error}"),
            }
        }
        let committed =
            append(&journal, vec![entry(1, 7, Bytes::from_static(b"new"))]).expect("it takes new ones");
        let read = journal
            .get(StreamId(1), committed)
            .expect("what was just stored reads");
        assert_eq!(read.map(|record| record.head), Some(Bytes::from_static(b"new")));
        // A tail that was cut off looks like one that was never written: its numbers are given anew.
        written.insert((1, committed), Bytes::from_static(b"new"));
        journal.close();
    }
}

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        ..Options::new(DIRECTORY)
    }
}

/// Writes records of two streams, some of them in frames of two, and closes.
fn fill(fs: &SimFs) -> BTreeMap<(u64, u64), Bytes> {
    let (journal, _) = Journal::open(Arc::new(fs.clone()), options(), None).expect("a new journal");
    let mut written = BTreeMap::new();
    for n in 0..RECORDS {
        let payload = Bytes::from(vec![u8::try_from(n).unwrap_or(0); 1_000]);
        let stream = 1 + n % 2;
        let mut entries = vec![entry(stream, 7, payload.clone())];
        if n % 5 == 0 {
            entries.push(entry(3, 9, payload.clone()));
            written.insert((3, n / 5 + 1), payload.clone());
        }
        append(&journal, entries).expect("a healthy disk");
        written.insert((stream, n / 2 + 1), payload);
    }
    journal.close();
    written
}

fn damage(fs: &SimFs, edit: &[u8]) {
    let mut files: Vec<PathBuf> = fs.files();
    files.retain(|path| path.starts_with(DIRECTORY));
    files.sort();
    let Some(path) = files.get(usize::from(edit[0]) % files.len().max(1)) else {
        return;
    };
    let Ok(mut bytes) = fs.contents(path) else { return };
    let number = |at: usize| usize::from(u16::from_le_bytes([edit[at], edit[at + 1]]));
    let (from, to, length) = (number(2), number(4), number(6).min(4096));
    let place = |at: usize| at % bytes.len().max(1);
    let (from, to) = (place(from), place(to));
    let end = (from + length).min(bytes.len());
    match edit[1] % 6 {
        0 if !bytes.is_empty() => bytes[from] ^= edit[8],
        1 => bytes.truncate(from),
        2 => bytes[from..end].fill(edit[8]),
        3 => {
            let block = bytes[from..end].to_vec();
            let room = block.len().min(bytes.len() - to);
            bytes[to..to + room].copy_from_slice(&block[..room]);
        }
        4 if FileSystem::remove(fs, path).is_ok() => return,
        5 => bytes.extend(std::iter::repeat_n(edit[8], length)),
        _ => {}
    }
    put(fs, path, &bytes);
}

fn put(fs: &SimFs, path: &Path, bytes: &[u8]) {
    fs.put(path, bytes);
}

/// A record without a body.
pub(crate) fn entry(stream: u64, kind: u8, payload: Bytes) -> Entry {
    Entry {
        stream: StreamId(stream),
        kind,
        head: payload,
        body: Bytes::new(),
        kept: None,
    }
}

/// Appends a frame and answers the sequence of its first record.
pub(crate) fn append(journal: &Journal, entries: Vec<Entry>) -> Option<u64> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let frame = Frame {
        purpose: Purpose::Ingest,
        entries: entries.into_iter().collect(),
    };
    journal.append(frame, Box::new(move |outcome| drop(sender.send(outcome))));
    let committed = receiver.recv().ok()?.ok()?;
    committed.sequences.first().copied()
}
