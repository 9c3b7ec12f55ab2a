//! Looking through a data directory without changing it, also while a process works on it: for `heddle doctor`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use journal::{Inspection, OpenError, RealFs, Record};

use super::format::{self, DATA_FORMAT, Stated};
use super::records::{FIRST_BROKER_STREAM, STATE, SideRecord, StateRecord, StreamsRecord};
use super::view::{Pair, SubscriptionState};

/// What was found.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The data directory, absolute.
    pub directory: PathBuf,
    /// What is wrong with what it says of its format, if anything is.
    pub format_problem: Option<String>,
    /// The journal.
    pub journal: Inspection,
    /// What each stream holds, by its number, in words.
    pub streams: BTreeMap<u64, String>,
    /// Streams with records of which nothing in the journal says whose they are.
    pub ownerless: Vec<u64>,
    /// State records that this program cannot read, with the reason for the first.
    pub unreadable_state: Option<(u64, String)>,
    /// The progress view.
    pub view: ExaminedView,
}

/// The progress view, from outside: it cannot be looked into without opening it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExaminedView {
    /// Bytes of its files; `None` when it is not there, and is made anew at the next start.
    pub bytes: Option<u64>,
    /// An earlier one that could not be used was set aside here.
    pub set_aside: Option<PathBuf>,
}

/// Looks through a data directory; blocks for as long as reading all of it takes.
///
/// # Errors
/// It cannot be read at all. Damage is no error.
pub fn examine(directory: &Path) -> Result<Examined, OpenError> {
    let io = |source| OpenError::Io {
        action: "read",
        path: directory.to_owned(),
        source,
    };
    let directory = directory.canonicalize().map_err(io)?;
    let mut streams = BTreeMap::from([(STATE.0, "the engine's state".to_owned())]);
    let mut unreadable: Option<(u64, String)> = None;
    let mut note = |record: Record| match StateRecord::read(record.kind, record.head) {
        Ok(StateRecord::Streams(of_broker)) => name_streams(&mut streams, &of_broker),
        Ok(StateRecord::Side(SideRecord::Started(side))) => {
            name_redriven(&mut streams, side.stream);
        }
        Ok(StateRecord::SnapshotChunk(chunk)) => {
            for pair in &chunk.pairs {
                name_of_snapshot(&mut streams, pair);
            }
        }
        Ok(_) => {}
        Err(error) => unreadable.get_or_insert_with(|| (0, error.to_string())).0 += 1,
    };
    let journal = journal::inspect(&RealFs, &directory.join("journal"), STATE, &mut note)?;
    let ownerless = journal.streams.iter().map(|stream| stream.0);
    let ownerless =
        ownerless.filter(|stream| *stream >= FIRST_BROKER_STREAM && !streams.contains_key(stream));
    Ok(Examined {
        ownerless: ownerless.collect(),
        format_problem: format_problem(&directory).map_err(io)?,
        view: view(&directory).map_err(io)?,
        directory,
        journal,
        streams,
        unreadable_state: unreadable,
    })
}

fn name_streams(streams: &mut BTreeMap<u64, String>, record: &StreamsRecord) {
    let broker = &record.broker;
    streams.insert(record.events, format!("events of {broker}"));
    streams.insert(record.dead_letters, format!("dead letters of {broker}"));
}

fn name_redriven(streams: &mut BTreeMap<u64, String>, stream: u64) {
    let redriven = || "dead letters that were sent again".to_owned();
    streams.entry(stream).or_insert_with(redriven);
}

/// What a snapshot says of streams: it may be all that still does.
fn name_of_snapshot(streams: &mut BTreeMap<u64, String>, (key, value): &Pair) {
    match key.first() {
        Some(b'b') => {
            if let Ok(record) = serde_json::from_slice(value) {
                name_streams(streams, &record);
            }
        }
        Some(b's') => {
            let state: Option<SubscriptionState> = serde_json::from_slice(value).ok();
            if let Some(stream) = state.and_then(|state| state.redrive_stream) {
                name_redriven(streams, stream);
            }
        }
        _ => {}
    }
}

fn format_problem(directory: &Path) -> io::Result<Option<String>> {
    Ok(match format::read(directory)? {
        Stated::Known | Stated::Nothing => None,
        Stated::Unreadable => {
            Some("the FORMAT file cannot be read; the next start writes it anew".to_owned())
        }
        Stated::Newer { found, .. } => Some(format!(
            "it has format {found}, this program knows formats up to {DATA_FORMAT}: use the newer program"
        )),
    })
}

fn view(directory: &Path) -> io::Result<ExaminedView> {
    let path = directory.join("view");
    let set_aside = path.with_extension("set-aside");
    Ok(ExaminedView {
        bytes: path.is_dir().then(|| bytes_below(&path)).transpose()?,
        set_aside: set_aside.exists().then_some(set_aside),
    })
}

/// Bytes of all files in a directory, also while they come and go.
fn bytes_below(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => bytes += bytes_below(&path)?,
            Ok(found) => bytes += found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
