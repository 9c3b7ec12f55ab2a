//! Looking through a data directory without changing it, also while a process works on it: for `heddle doctor`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use journal::{Inspection, OpenError, RealFs, Record};

use super::format::{self, DATA_FORMAT, Stated};
use super::records::{STATE, StateRecord, StreamsRecord};

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
        Ok(_) => {}
        Err(error) => unreadable.get_or_insert_with(|| (0, error.to_string())).0 += 1,
    };
    let journal = journal::inspect(&RealFs, &directory.join("journal"), STATE, &mut note)?;
    Ok(Examined {
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
