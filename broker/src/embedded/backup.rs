//! A backup of the whole data directory while it is in use: the journal, from which everything else is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Embedded, format};

pub use journal::Backup;

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It would be relative to the directory in which the process was started.
    #[error("{directory} is not an absolute path")]
    Relative {
        /// What was asked for.
        directory: PathBuf,
    },
    /// It would become part of what it is a backup of.
    #[error("{directory} is inside the data directory {data}")]
    Inside {
        /// What was asked for.
        directory: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Nothing is ever written over.
    #[error("{directory} is not empty: a backup needs a new directory")]
    NotEmpty {
        /// What was asked for.
        directory: PathBuf,
    },
    /// The operating system said no.
    #[error("cannot write the backup to {directory}: {source}")]
    Io {
        /// What was asked for.
        directory: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The journal's part failed.
    #[error(transparent)]
    Journal(#[from] journal::BackupError),
    /// The task was cut off.
    #[error("the backup was interrupted: {reason}")]
    Interrupted {
        /// By what.
        reason: String,
    },
}

impl Embedded {
    /// Writes everything that is acknowledged now into a new or empty directory. A heddle that is started on it goes on
    /// from there, with its view made anew. Events are taken and delivered meanwhile.
    ///
    /// # Errors
    /// [`BackupError`] says what stands in the way. What was written by then is not opened by anybody.
    pub async fn backup(&self, directory: PathBuf) -> Result<Backup, BackupError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.write_backup(&directory))
            .await
            .unwrap_or_else(|error| {
                Err(BackupError::Interrupted {
                    reason: error.to_string(),
                })
            })
    }

    fn write_backup(&self, directory: &Path) -> Result<Backup, BackupError> {
        if !directory.is_absolute() {
            return Err(BackupError::Relative {
                directory: directory.to_owned(),
            });
        }
        let io = |source| BackupError::Io {
            directory: directory.to_owned(),
            source,
        };
        let data = self.directory();
        if resolved(directory).map_err(io)?.starts_with(data) {
            return Err(BackupError::Inside {
                directory: directory.to_owned(),
                data: data.to_owned(),
            });
        }
        fs::create_dir_all(directory).map_err(io)?;
        if fs::read_dir(directory).map_err(io)?.next().is_some() {
            return Err(BackupError::NotEmpty {
                directory: directory.to_owned(),
            });
        }
        let backup = self.shared.journal.backup(&directory.join("journal"))?;
        format::write(directory).map_err(io)?;
        Ok(backup)
    }
}

/// The path without links and dots, as far as it exists; what does not exist yet is added as it is.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(resolved(parent)?.join(name))
        }
        (canonical, ..) => canonical,
    }
}
