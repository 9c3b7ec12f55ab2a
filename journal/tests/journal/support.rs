//! What the tests share: making frames, appending and waiting, reading everything.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use journal::{
    AppendError, Committed, Entry, FileSystem, Frame, Journal, Options, Purpose, ReadLimit, Record, Recovery,
    StreamId,
};

pub(crate) const ALL: ReadLimit = ReadLimit {
    records_max: usize::MAX,
    bytes_max: usize::MAX,
};

pub(crate) fn entry(stream: u64, payload: impl Into<Bytes>) -> Entry {
    Entry {
        stream: StreamId(stream),
        kind: 7,
        head: payload.into(),
        body: Bytes::new(),
        kept: None,
    }
}

pub(crate) fn frame(entries: impl IntoIterator<Item = Entry>) -> Frame {
    Frame {
        purpose: Purpose::Ingest,
        entries: entries.into_iter().collect(),
    }
}

/// Options with small segments, so that a test meets many of them.
pub(crate) fn small(directory: impl AsRef<Path>) -> Options {
    Options {
        segment_bytes: 16 << 10,
        ..Options::new(directory.as_ref())
    }
}

pub(crate) fn open(fs: &Arc<dyn FileSystem>, options: &Options) -> (Journal, Recovery) {
    Journal::open(fs.clone(), options.clone(), None).expect("the journal opens")
}

/// Appends and waits for the outcome.
pub(crate) fn append(journal: &Journal, frame: Frame) -> Result<Committed, AppendError> {
    submit(journal, frame).recv().expect("every append is answered")
}

/// Appends; the outcome will come out of the receiver.
pub(crate) fn submit(journal: &Journal, frame: Frame) -> mpsc::Receiver<Result<Committed, AppendError>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    journal.append(frame, Box::new(move |outcome| drop(sender.send(outcome))));
    receiver
}

/// Everything of a stream, read in one call.
pub(crate) fn read_all(journal: &Journal, stream: u64) -> Vec<Record> {
    journal
        .read(StreamId(stream), 0, ALL)
        .expect("the stream can be read")
}

/// Payloads as text.
pub(crate) fn texts(records: &[Record]) -> Vec<String> {
    let text = |record: &Record| {
        let whole = [&record.head[..], &record.body[..]].concat();
        String::from_utf8(whole).expect("payloads of this test are text")
    };
    records.iter().map(text).collect()
}
