//! Whether a directory is on a file system that forgets: tmpfs and ramfs, or a folder that is emptied at boot.

use std::path::Path;

/// Why what is kept in `directory` (absolute) may be gone after a restart of the machine; `None` when it is not so.
pub(crate) fn temporary(directory: &Path) -> Option<String> {
    // Systems without this file are not warned on.
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    temporary_among(directory, &mounts)
}

fn temporary_among(directory: &Path, mounts: &str) -> Option<String> {
    let shown = directory.display();
    if let Some(kind @ ("tmpfs" | "ramfs")) = kind_of(directory, mounts) {
        return Some(format!(
            "{shown} is in memory ({kind}) and is lost when the machine restarts"
        ));
    }
    let is_temporary = ["/tmp", "/var/tmp"]
        .iter()
        .any(|folder| directory.starts_with(folder));
    is_temporary.then(|| format!("{shown} is in a folder for temporary files, which the system may empty"))
}

/// The type of the file system that holds `directory`: that of the longest mount point above it.
fn kind_of<'a>(directory: &Path, mounts: &'a str) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (point, kind) = (fields.next()?, fields.next()?);
            directory
                .starts_with(unescaped(point))
                .then_some((point.len(), kind))
        })
        .max_by_key(|&(length, _)| length)
        .map(|(_, kind)| kind)
}

/// The file writes a space in a path as `\040`.
fn unescaped(point: &str) -> String {
    point.replace("\\040", " ")
}

#[cfg(test)]
mod tests;
