//! Looking through a journal's directory without changing anything: every checksum of every segment, also while another
//! process writes there.
//!
//! What it says is what an opening would find, and more: an opening believes the footers of sealed segments. Of a journal
//! that is written meanwhile, what was there at the beginning is looked at; a newest segment that seems damaged is
//! read again before that is said, since it may have been read while a group was written.

mod segment;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::format::{
    Closed, FORMAT_VERSION, HeaderFault, JournalId, Mark, Marker, file_name, segment_number,
};
use crate::fs::FileSystem;
use crate::record::{Record, Sequence, StreamId};
use crate::recovery::closed::{self, Stated, believed};
use crate::recovery::directory::{LOCK_FILE, holder, read_marker, read_segment_head};
use crate::recovery::load::{Loaded, evidence, load};
use crate::recovery::marks::in_force;
use crate::recovery::{INCOMPLETE_FILE, SPARE_SUFFIX, failed};
use crate::segment::Segment;
use crate::{OpenError, limits};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// What the `FORMAT` file says.
    pub marker: MarkerState,
    /// Whether a process works on it.
    pub lock: LockState,
    /// It is a backup that was not finished.
    pub is_incomplete: bool,
    /// Segments, oldest first, missing ones included.
    pub segments: Vec<InspectedSegment>,
    /// Whether it says where it ended.
    pub end: EndState,
    /// Sequences that cannot be read any more, in the order in which they were found.
    pub lost: Vec<Lost>,
    /// The streams of which there are records or were, in order.
    pub streams: Vec<StreamId>,
    /// Segments that are prepared.
    pub prepared: u64,
    /// Bytes that are free on the file system; `None` when it does not say.
    pub free_bytes: Option<u64>,
}

/// What a `FORMAT` file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarkerState {
    /// A format that this program knows.
    Known,
    /// The format of a newer program.
    Newer(u32),
    /// Nothing that can be read. An opening restores it from a segment.
    Damaged,
    /// There is none, and there are no segments: an opening makes a new journal.
    #[default]
    Nothing,
}

/// What a journal says of its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EndState {
    /// It was not closed cleanly, or is not closed: what is missing at its end cannot be told from what was never
    /// acknowledged.
    #[default]
    Open,
    /// It was closed cleanly: what is missing at its end is known.
    Closed,
    /// The file that says so cannot be read, for this reason.
    Unreadable(String),
}

/// Whether a process works on the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockState {
    /// None does.
    #[default]
    Free,
    /// One does; its id, as it knows itself, if it wrote that down.
    Held(Option<u32>),
}

/// One segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InspectedSegment {
    /// File name inside the directory.
    pub file: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// It has a footer.
    pub is_sealed: bool,
    /// Records that are whole.
    pub records: u64,
    /// Bytes behind the last whole group, which were never acknowledged and are cut at the next opening; or which are
    /// being written now.
    pub tail_bytes: u64,
    /// What is damaged, in words.
    pub damage: Vec<String>,
}

/// Sequences of a stream that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The stream.
    pub stream: StreamId,
    /// The first of them.
    pub from: Sequence,
    /// The last of them.
    pub to: Sequence,
}

/// Looks through a journal. `watched` gets every record of one stream that is whole, in order.
///
/// # Errors
/// The operating system said no. Damage is no error.
pub fn inspect(
    fs: &dyn FileSystem,
    directory: &Path,
    stream: StreamId,
    watched: &mut dyn FnMut(Record),
) -> Result<Inspection, OpenError> {
    let names = fs.list(directory).map_err(failed("list", directory))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    let (marker, id) = identify(fs, directory, &numbers)?;
    let mut inspection = Inspection {
        marker,
        lock: lock_state(fs, directory)?,
        is_incomplete: names.iter().any(|name| name == INCOMPLETE_FILE),
        prepared: names.iter().filter(|name| name.ends_with(SPARE_SUFFIX)).count() as u64,
        free_bytes: fs.free_bytes(directory).unwrap_or_default(),
        ..Inspection::default()
    };
    let Some(id) = id else {
        inspection.segments = numbers.iter().map(|number| unidentified(*number)).collect();
        return Ok(inspection);
    };
    // Before the segments are: whoever opens the journal meanwhile only adds to what it says.
    let stated = closed::read(fs, directory, &id)?;
    let mut loaded = load_all(fs, directory, &id, &numbers)?;
    if inspection.lock != LockState::Free {
        look_again(fs, &id, &mut loaded)?;
    }
    inspection.end = match &stated {
        Stated::Unreadable(reason) => EndState::Unreadable(reason.clone()),
        Stated::Nothing | Stated::Closed(_) => EndState::Open,
    };
    let closed = believed(stated, &loaded);
    let evidence = evidence(&loaded, closed.as_ref());
    let mark = in_force(fs, &loaded)?;
    let mut walk = Walk::default();
    // What has left by a rule stands in a mark.
    let mut expected = mark.as_ref().map_or(1, |mark| mark.segment + 1);
    for (segment, evidence) in loaded.into_iter().zip(evidence) {
        let number = segment.segment.number;
        inspection.segments.extend(missing(expected, number));
        expected = expected.max(number + 1);
        let path = segment.segment.path.clone();
        let inspected = segment::inspect(fs, segment, evidence, &mut walk, stream, watched);
        inspection
            .segments
            .push(inspected.map_err(failed("read", &path))?);
    }
    if let Some(closed) = closed {
        inspection.end = EndState::Closed;
        inspection.segments.extend(missing(expected, closed.segment + 1));
        walk.end(&closed, mark.as_ref());
    }
    inspection.streams = walk.next.into_keys().collect();
    inspection.streams.sort_unstable();
    inspection.lost = walk.lost;
    Ok(inspection)
}

impl Inspection {
    /// What is wrong with the `FORMAT` file, in words.
    #[must_use]
    pub fn marker_problem(&self) -> Option<String> {
        match self.marker {
            MarkerState::Known => None,
            MarkerState::Nothing => Some("there is no journal in it".to_owned()),
            MarkerState::Damaged => Some(
                "the journal's FORMAT file cannot be read; the next start restores it from a segment"
                    .to_owned(),
            ),
            MarkerState::Newer(found) => Some(format!(
                "the journal has format {found}, this program knows formats up to {FORMAT_VERSION}: use the newer program"
            )),
        }
    }

    /// What is wrong with the `CLOSED` file, in words.
    #[must_use]
    pub fn end_problem(&self) -> Option<String> {
        match &self.end {
            EndState::Unreadable(reason) => Some(format!(
                "what the journal's CLOSED file says of its end cannot be used: {reason}; whether something is missing there \
                 cannot be told"
            )),
            EndState::Open | EndState::Closed => None,
        }
    }

    /// Whether something is damaged or missing.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        !self.lost.is_empty()
            || self.marker == MarkerState::Damaged
            || matches!(self.end, EndState::Unreadable(_))
            || self.segments.iter().any(|segment| !segment.damage.is_empty())
    }
}

/// How far each stream was seen.
#[derive(Default)]
struct Walk {
    next: HashMap<StreamId, Sequence>,
    lost: Vec<Lost>,
}

impl Walk {
    /// A whole record, or the end of a segment, says that the stream has come so far.
    fn at(&mut self, stream: StreamId, sequence: Sequence) {
        if let Some(next) = self.next.get(&stream).filter(|next| **next < sequence) {
            self.lost.push(Lost {
                stream,
                from: *next,
                to: sequence - 1,
            });
        }
        let next = self.next.entry(stream).or_insert(sequence);
        *next = sequence.max(*next);
    }

    /// What was there when the journal was closed. Of a stream that was not seen at all, everything is missing that has not
    /// left by a rule.
    fn end(&mut self, closed: &Closed, mark: Option<&Mark>) {
        let unmarked = mark.map_or(1, |mark| mark.other);
        let begins = |stream: StreamId| {
            let marked = mark.and_then(|mark| mark.streams.iter().find(|marked| marked.stream == stream));
            marked.map_or(unmarked, |marked| marked.from)
        };
        for (stream, next) in &closed.streams {
            self.at_least(*stream, begins(*stream));
            self.at(*stream, *next);
        }
    }

    fn saw(&mut self, stream: StreamId, sequence: Sequence) {
        self.at(stream, sequence);
        self.at_least(stream, sequence + 1);
    }

    fn at_least(&mut self, stream: StreamId, next: Sequence) {
        let known = self.next.entry(stream).or_insert(next);
        *known = next.max(*known);
    }
}

/// The journal's id, from `FORMAT` or from a segment.
fn identify(
    fs: &dyn FileSystem,
    directory: &Path,
    numbers: &[u64],
) -> Result<(MarkerState, Option<JournalId>), OpenError> {
    let marker = match read_marker(fs, &directory.join(Marker::FILE))? {
        Ok(marker) => return Ok((MarkerState::Known, Some(marker.id))),
        Err(HeaderFault::Newer(found)) => return Ok((MarkerState::Newer(found), None)),
        Err(HeaderFault::Damaged) if numbers.is_empty() => return Ok((MarkerState::Nothing, None)),
        Err(HeaderFault::Damaged) => MarkerState::Damaged,
    };
    for number in numbers {
        if let Ok(head) = read_segment_head(fs, &directory.join(file_name(*number)))? {
            return Ok((marker, Some(head.id)));
        }
    }
    Ok((marker, None))
}

/// Asks for the lock and lets go of it at once.
fn lock_state(fs: &dyn FileSystem, directory: &Path) -> Result<LockState, OpenError> {
    let path = directory.join(LOCK_FILE);
    let file = match fs.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LockState::Free),
        opened => opened.map_err(failed("open", &path))?,
    };
    match file.lock() {
        Ok(()) => Ok(LockState::Free),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(LockState::Held(holder(&*file))),
        Err(error) => Err(failed("lock", &path)(error)),
    }
}

/// Loads what is there; what has left since the directory was listed is passed over.
fn load_all(
    fs: &dyn FileSystem,
    directory: &Path,
    id: &JournalId,
    numbers: &[u64],
) -> Result<Vec<Loaded>, OpenError> {
    let mut all = Vec::new();
    for number in numbers {
        match load(fs, id, Segment::new(directory, id, *number)) {
            Ok(loaded) => all.push(loaded),
            Err(OpenError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && all.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// The newest segment may have been read while a group was written: a hole in it is believed when it stays.
fn look_again(fs: &dyn FileSystem, id: &JournalId, loaded: &mut [Loaded]) -> Result<(), OpenError> {
    let Some(newest) = loaded.last_mut() else {
        return Ok(());
    };
    for _ in 0..limits::INSPECT_AGAIN_MAX {
        if !newest.has_hole() {
            break;
        }
        *newest = load(fs, id, newest.segment.clone())?;
    }
    Ok(())
}

/// What should stand before a segment, in one, however many they are.
fn missing(expected: u64, found: u64) -> Option<InspectedSegment> {
    let last = found.saturating_sub(1);
    let (file, damage) = match expected.cmp(&last) {
        Ordering::Greater => return None,
        Ordering::Equal => (file_name(last), "the file is missing"),
        Ordering::Less => (
            format!("{} to {}", file_name(expected), file_name(last)),
            "the files are missing",
        ),
    };
    Some(InspectedSegment {
        file,
        damage: vec![damage.to_owned()],
        ..InspectedSegment::default()
    })
}

fn unidentified(number: u64) -> InspectedSegment {
    InspectedSegment {
        file: file_name(number),
        damage: vec!["it was not looked at: which journal this is, is not known".to_owned()],
        ..InspectedSegment::default()
    }
}
