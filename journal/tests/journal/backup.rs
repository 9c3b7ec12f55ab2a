//! Backups of a journal in use.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::sim::SimFs;
use journal::{AppendError, BackupError, FileSystem, Journal, OpenError, Purpose, RealFs};

use crate::support::{append, entry, frame, open, read_all, small, texts};

#[test]
fn a_backup_taken_under_load_holds_everything_that_was_acknowledged_before_it() {
    let sim = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    let (journal, _) = open(&fs, &small("/journal"));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (journal, stop) = (journal.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                append(&journal, frame([entry(2, vec![0; 700]), entry(3, vec![1; 50])])).unwrap();
            }
        })
    };
    for round in 0..5 {
        for n in 0..40 {
            append(&journal, frame([entry(1, format!("{round}.{n}"))])).unwrap();
        }
        let acknowledged = texts(&read_all(&journal, 1));
        let directory = format!("/backup-{round}");
        let backup = journal.backup(directory.as_ref()).unwrap();
        assert!(
            backup.segments > 0 && backup.linked + 1 >= backup.segments,
            "{backup:?}"
        );
        // What was backed up is durable.
        let cut = sim.fork();
        cut.power_cut(round);
        let cut: Arc<dyn FileSystem> = Arc::new(cut);
        let (restored, recovery) = open(&cut, &small(&directory));
        assert_eq!(recovery.quarantined, []);
        assert!(!recovery.created);
        assert_eq!(restored.id(), journal.id());
        assert_eq!(texts(&read_all(&restored, 1)), acknowledged);
        assert_eq!(
            read_all(&restored, 2).len(),
            read_all(&restored, 3).len(),
            "frames are whole"
        );
        append(&restored, frame([entry(1, "it goes on")])).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn nothing_is_written_over() {
    let sim = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    let (journal, _) = open(&fs, &small("/journal"));
    sim.put(Path::new("/backup/letter"), b"dear");
    let refused = journal.backup("/backup".as_ref());
    assert!(
        matches!(refused, Err(BackupError::NotEmpty { .. })),
        "{refused:?}"
    );
    let refused = journal.backup("/journal".as_ref());
    assert!(
        matches!(refused, Err(BackupError::NotEmpty { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_backup_that_was_not_finished_is_not_opened() {
    let sim = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    let (journal, _) = open(&fs, &small("/journal"));
    while journal.stats().segments < 3 {
        append(&journal, frame([entry(1, vec![0; 900])])).unwrap();
    }
    sim.set_quota(Some(sim.used_bytes() + 600));
    let failed = journal.backup("/backup".as_ref());
    assert!(matches!(failed, Err(BackupError::Io { .. })), "{failed:?}");
    sim.set_quota(None);
    let refused = Journal::open(fs, small("/backup"), None).expect_err("refused");
    assert!(matches!(refused, OpenError::Incomplete { .. }), "{refused}");
    assert!(refused.to_string().contains("/backup"), "{refused}");
}

#[test]
fn on_a_real_disk_sealed_segments_are_linked_and_the_original_may_let_go_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let (journal, _) = open(&fs, &small(folder.path().join("journal")));
    let mut count = 0;
    while journal.stats().segments < 4 {
        append(&journal, frame([entry(1, vec![0; 900])])).unwrap();
        count += 1;
    }
    let to = folder.path().join("elsewhere").join("backup");
    let backup = journal.backup(&to).unwrap();
    assert_eq!((backup.segments, backup.linked), (4, 3));
    while journal.retire_oldest().unwrap().is_some() {}
    let (restored, recovery) = open(&fs, &small(&to));
    assert_eq!(recovery.quarantined, []);
    assert_eq!(read_all(&restored, 1).len(), count);
    let upkeep = journal::Frame {
        purpose: Purpose::Upkeep,
        ..frame([entry(1, "x")])
    };
    assert_eq!(
        append(&restored, upkeep).map(|done| done.sequences[0]),
        Ok::<u64, AppendError>(count as u64 + 1)
    );
}
