//! Data directories that earlier programs wrote open and say the same for ever.
//!
//! Each directory of `broker/tests/fixtures/` is named after the format of a data directory and how its process ended,
//! and has in `data/` what that left and in `expected.json` what was in it: `crashed` is without the view and ends in the
//! middle of its records, `closed` is with the view. Those that were released are never changed. When the format grows, the test
//! says which records no fixture has; then change [`FORMAT`], run
//!
//! ```text
//! HEDDLE_WRITE_FIXTURE=1 cargo test -p heddle-broker --lib what_earlier_formats_wrote
//! ```
//!
//! and commit what it wrote. The file that is written to is preallocated; its zeros at the end are cut away here, and put
//! back when a fixture is unpacked.

mod contents;
mod everything;
mod files;

use std::path::PathBuf;

use serde_json::Value;

use self::contents::{Kinds, comes, contents, is_within, kinds};
use self::everything::write;
use self::files::{copy_tree, packed, unpacked};
use super::*;

/// What the fixtures that are written by the program of today are named after.
const FORMAT: &str = "format-1";
const SEGMENT: u64 = 32 << 10;
/// The time at which fixtures are read: after everything in them, and before their retries are due.
const READ_AT: u64 = 1_700_020_000_000;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn options(directory: &Path, clock: &Arc<ManualClock>) -> Options {
    Options {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        segment_bytes: SEGMENT,
        reserve_segments: 0,
        ..Options::new(directory)
    }
}

/// Opens a copy of a data directory, without its view if so asked.
async fn open_copy(data: &Path, without_view: bool) -> (tempfile::TempDir, Embedded) {
    let directory = tempfile::tempdir().unwrap();
    copy_tree(data, directory.path(), &unpacked);
    let view = directory.path().join("view");
    let has_view = view.exists() && !without_view;
    if view.exists() && without_view {
        std::fs::remove_dir_all(view).unwrap();
    }
    let clock = Arc::new(ManualClock(AtomicU64::new(READ_AT)));
    let (engine, opened) = Embedded::open(options(directory.path(), &clock)).await.unwrap();
    let told = data.display();
    assert_eq!(opened.quarantined, Vec::<String>::new(), "{told}");
    assert_eq!(opened.cut_bytes, 0, "{told}");
    assert_eq!(opened.view_rebuilt.is_none(), has_view, "{told}: {opened:?}");
    assert_eq!(engine.warnings(), Vec::<String>::new(), "{told}");
    (directory, engine)
}

/// Writes what is expected of a fixture beside it.
async fn expect(fixture: &Path) {
    let (_directory, engine) = open_copy(&fixture.join("data"), false).await;
    let mut expected = contents(&engine);
    expected["comes"] = comes(&engine, None).await;
    engine.close().await;
    let text = serde_json::to_string_pretty(&expected).unwrap();
    std::fs::write(fixture.join("expected.json"), text + "\n").unwrap();
}

async fn write_fixtures() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock(AtomicU64::new(1_700_000_000_000)));
    let engine = write(directory.path(), &clock).await;
    let [crashed, closed] = ["crashed", "closed"].map(|end| fixtures().join(format!("{FORMAT}-{end}")));
    for fixture in [&crashed, &closed] {
        if fixture.exists() {
            std::fs::remove_dir_all(fixture).unwrap();
        }
    }
    // Everything is on disk, and nothing is being written.
    copy_tree(directory.path(), &crashed.join("data"), &packed);
    std::fs::remove_dir_all(crashed.join("data/view")).unwrap();
    engine.close().await;
    drop(engine);
    copy_tree(directory.path(), &closed.join("data"), &packed);
    for fixture in [crashed, closed] {
        expect(&fixture).await;
    }
}

async fn read_fixture(fixture: &Path, without_view: bool, seen: &mut Kinds) {
    let (_directory, engine) = open_copy(&fixture.join("data"), without_view).await;
    let told = fixture.display().to_string();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(fixture.join("expected.json")).unwrap()).unwrap();
    kinds(&engine, seen);
    let mut found = contents(&engine);
    found["comes"] = comes(&engine, Some(&expected["comes"])).await;
    is_within(&expected, &found, &told);
    engine.close().await;
}

#[tokio::test]
async fn what_earlier_formats_wrote_is_read_as_it_was() {
    if std::env::var_os("HEDDLE_WRITE_FIXTURE").is_some() {
        write_fixtures().await;
    }
    let mut seen = Kinds::default();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let fixture = entry.unwrap().path();
        read_fixture(&fixture, false, &mut seen).await;
        if fixture.join("data/view").exists() {
            read_fixture(&fixture, true, &mut seen).await;
        }
    }
    assert_eq!(
        seen,
        Kinds::all(),
        "what a data directory can hold is in a fixture: see the module on how to write one"
    );
}
