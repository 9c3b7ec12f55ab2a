//! The ready file: where the process really listens, written by rename once traffic is accepted.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What the file says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ready<'a> {
    /// Base URL of the ingress.
    pub(crate) ingress: String,
    /// Base URL of the admin API.
    pub(crate) admin: String,
    /// The data directory, absolute.
    pub(crate) data: &'a Path,
}

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the ready file {path} cannot be written: {source}")]
pub(crate) struct ReadyFileError {
    path: PathBuf,
    source: io::Error,
}

/// Takes away what an earlier run left: until this one takes traffic, nobody may read where it listens.
pub(crate) fn withdraw(path: &Path) -> Result<(), ReadyFileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ReadyFileError {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Writes the file so that a reader sees all of it or none.
pub(crate) fn write(path: &Path, ready: &Ready<'_>) -> Result<(), ReadyFileError> {
    let write = || {
        let mut text = serde_json::to_vec_pretty(ready)?;
        text.push(b'\n');
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        fs::write(&temporary, text)?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| ReadyFileError {
        path: path.to_owned(),
        source,
    })
}

/// The base URL under which this machine reaches an address that may be a wildcard.
pub(crate) fn base_url(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests;
