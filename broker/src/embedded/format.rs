//! The `FORMAT` file at the top of a data directory: text, so that a person can read it.
//!
//! ```text
//! heddle data
//! format 1
//! ```
//!
//! It speaks of the directory as a whole: what lies where, and which records the state stream may hold. The journal has
//! a format of its own. The first two lines keep their form in later formats. A directory without the file is one that
//! was made before there was one: format 1.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The format that this program writes, and the newest that it reads.
pub(crate) const DATA_FORMAT: u32 = 1;

const FILE: &str = "FORMAT";
const DRAFT: &str = "FORMAT.new";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    Known,
    Newer {
        file: PathBuf,
        found: u32,
    },
    /// There is none.
    Nothing,
    /// It says something else.
    Unreadable,
}

/// Reads it.
pub(crate) fn read(directory: &Path) -> io::Result<Stated> {
    let file = directory.join(FILE);
    let text = match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stated::Nothing),
        read => read?,
    };
    Ok(match parse(&text) {
        Some(found) if found > DATA_FORMAT => Stated::Newer { file, found },
        Some(_) => Stated::Known,
        None => Stated::Unreadable,
    })
}

/// Writes it, durably.
pub(crate) fn write(directory: &Path) -> io::Result<()> {
    let draft = directory.join(DRAFT);
    let mut file = File::create(&draft)?;
    file.write_all(format!("heddle data\nformat {DATA_FORMAT}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}

fn parse(text: &[u8]) -> Option<u32> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    let is_ours = lines.next()? == "heddle data";
    lines
        .next()?
        .strip_prefix("format ")?
        .parse()
        .ok()
        .filter(|_| is_ours)
}

#[cfg(test)]
mod tests;
