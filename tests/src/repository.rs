//! Where things are: the repository, the servers that were fetched for it, the binary under test.

use std::env;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests crate lies in the repository")
}

/// A file of the repository, read as text; panics when it is not there.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = top().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where `scripts/servers` puts the servers: `HEDDLE_SERVERS`, or `.servers` at the top.
pub fn servers() -> PathBuf {
    env::var_os("HEDDLE_SERVERS").map_or_else(|| top().join(".servers"), PathBuf::from)
}

/// The binary under test: `HEDDLE_BIN`, or `heddle` in the target folder that this test was built into.
pub fn heddle() -> PathBuf {
    if let Some(path) = env::var_os("HEDDLE_BIN") {
        return PathBuf::from(path);
    }
    let this = env::current_exe().expect("a test knows its own path");
    let profile = this
        .parent()
        .and_then(Path::parent)
        .expect("a test lies in target/PROFILE/deps");
    let path = profile.join("heddle");
    assert!(
        path.is_file(),
        "{} is not built: `make build`, or name a binary in HEDDLE_BIN",
        path.display()
    );
    path
}
