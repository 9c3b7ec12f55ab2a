//! How long a large journal takes to open. Ignored in an ordinary run, since it writes gigabytes:
//! `HEDDLE_OPEN_GIBIBYTES=10 cargo test -p heddle-journal opening -- --ignored --nocapture`

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use journal::{Durability, FileSystem, Options, RealFs};

use crate::support::{entry, frame, open};

#[test]
#[ignore = "writes gigabytes; HEDDLE_OPEN_GIBIBYTES says how many"]
fn opening_takes_a_footer_a_segment_and_a_scan_of_the_newest_alone() {
    let gibibytes: u64 = std::env::var("HEDDLE_OPEN_GIBIBYTES")
        .map_or(2, |count| count.parse().expect("a number of gibibytes"));
    let folder = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let options = Options {
        durability: Durability::Os,
        ..Options::new(folder.path())
    };
    let (journal, _) = open(&fs, &options);
    let payload = Bytes::from(vec![b'x'; 4096]);
    let batch = || frame((0..256).map(|n| entry(16 + n % 8, payload.clone())));
    // Half a segment more, so that there is something to scan.
    let batches = gibibytes * 1024 + 32;
    let (sender, receiver) = mpsc::sync_channel(8);
    for n in 0..batches {
        let sender = sender.clone();
        journal.append(batch(), Box::new(move |outcome| drop(sender.send(outcome))));
        if n >= 4 {
            receiver.recv().unwrap().unwrap();
        }
    }
    (0..4).for_each(|_| drop(receiver.recv().unwrap().unwrap()));
    journal.close();
    drop(journal);
    let (journal, recovery) = open(&fs, &options);
    let (segments, took) = (recovery.segments, recovery.took);
    println!(
        "{gibibytes} GiB in {segments} segments: {} records scanned, open after {took:?}",
        recovery.records
    );
    assert!(recovery.records < 256 * 64, "only the newest segment is scanned");
    assert!(took < Duration::from_secs(2), "{took:?}");
    journal.close();
}
