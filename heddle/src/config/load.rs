//! Phase one, the only one with I/O: files and folders -> decoded resources and everything that their values name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs, io};

use schemas::resources::{self, Decoded};
use schemas::yaml::{Mark, Place, Problem};

use crate::limits::CONFIGURATION_FILE_BYTES_MAX;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The configuration files, in the order they were given; those of a folder by name.
    pub(crate) documents: Vec<Document>,
    /// The environment, as far as it is UTF-8.
    pub(crate) environment: BTreeMap<String, String>,
    /// Files that values name, by their full path: the content, or why it could not be read.
    pub(crate) files: BTreeMap<PathBuf, Result<String, String>>,
}

/// One configuration file.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its name as it is shown.
    pub(crate) name: Arc<str>,
    /// Its text.
    pub(crate) text: String,
    /// What it holds.
    pub(crate) decoded: Decoded,
}

/// Configuration that could not be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub(crate) struct LoadError(pub(crate) Vec<PathError>);

/// A path that could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathError {
    /// The operating system says no.
    #[error("cannot read {path}: {cause}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A folder without configuration.
    #[error("no file in {0} ends in .yaml or .yml")]
    Empty(PathBuf),
}

/// Reads the files, and of each folder the files directly in it that end in `.yaml` or `.yml`.
///
/// # Errors
///
/// [`LoadError`] with every path that cannot be read. What is wrong inside a file is a problem of its document instead.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Loaded, LoadError> {
    let mut errors = Vec::new();
    let mut texts = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let files = list(path).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        for file in files.into_iter().filter(|file| seen.insert(file.clone())) {
            match read(&file) {
                Ok(text) => texts.push((file.display().to_string(), text)),
                Err(cause) => errors.push(PathError::Io { path: file, cause }),
            }
        }
    }
    if !errors.is_empty() {
        return Err(LoadError(errors));
    }
    let mut loaded = Loaded {
        documents: texts.into_iter().map(document).collect(),
        ..Loaded::default()
    };
    loaded.environment = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let named = loaded.documents.iter().flat_map(|document| {
        document
            .decoded
            .files
            .iter()
            .map(|path| full_path(&document.name, path))
    });
    loaded.files = named.map(|path| (path.clone(), read_value(&path))).collect();
    Ok(loaded)
}

/// Takes configuration from memory: names and texts. Values find no environment and no files.
pub(crate) fn from_texts<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Loaded {
    let documents = texts
        .into_iter()
        .map(|(name, text)| document((name.to_owned(), text.as_bytes().to_vec())));
    Loaded {
        documents: documents.collect(),
        ..Loaded::default()
    }
}

/// Where a file is that a value in the configuration file `document` names.
pub(crate) fn full_path(document: &str, path: &str) -> PathBuf {
    Path::new(document)
        .parent()
        .map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

fn document((name, bytes): (String, Vec<u8>)) -> Document {
    let name: Arc<str> = name.into();
    match String::from_utf8(bytes) {
        Ok(text) => Document {
            decoded: resources::decode(&name, &text),
            name,
            text,
        },
        Err(error) => {
            let valid =
                String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let line = valid.matches('\n').count() + 1;
            let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            let place = Place {
                file: name.clone(),
                mark: Mark { line, column },
                path: "".into(),
            };
            let problems = vec![Problem::error(&place, "this is not UTF-8 text")];
            Document {
                decoded: Decoded {
                    problems,
                    ..Decoded::default()
                },
                name,
                text: valid,
            }
        }
    }
}

fn list(path: &Path) -> Result<Vec<PathBuf>, PathError> {
    let failed = |cause| PathError::Io {
        path: path.to_owned(),
        cause,
    };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_yaml = file
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        Err(PathError::Empty(path.to_owned()))
    } else {
        Ok(files)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > CONFIGURATION_FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "it is larger than {CONFIGURATION_FILE_BYTES_MAX} bytes"
        )));
    }
    fs::read(path)
}

/// The content of a file that a value names, without the newline that editors put at its end.
fn read_value(path: &Path) -> Result<String, String> {
    let bytes = read(path).map_err(|error| error.to_string())?;
    let mut text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
