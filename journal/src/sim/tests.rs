//! That the double is no kinder than a disk.

use std::path::Path;

use super::{Operation, SimFs};
use crate::fs::{FileSystem, read_full};

const FILE: &str = "/data/file";

#[test]
fn what_was_synced_survives_every_power_cut() {
    for seed in 0..200 {
        let fs = SimFs::new();
        let file = fs.create(Path::new(FILE)).unwrap();
        file.write_at(b"synced", 0).unwrap();
        file.sync_data().unwrap();
        fs.sync_dir(Path::new("/data")).unwrap();
        file.write_at(b"later", 6).unwrap();
        fs.power_cut(seed);
        assert_eq!(fs.contents(Path::new(FILE)).unwrap()[..6], *b"synced");
    }
}

#[test]
fn what_was_not_synced_is_sometimes_kept_dropped_and_torn() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let fs = SimFs::new();
        let file = fs.create(Path::new(FILE)).unwrap();
        file.allocate(4).unwrap();
        file.sync_all().unwrap();
        fs.sync_dir(Path::new("/data")).unwrap();
        file.write_at(b"ab", 0).unwrap();
        file.write_at(b"cd", 2).unwrap();
        fs.power_cut(seed);
        seen.insert(fs.contents(Path::new(FILE)).unwrap());
    }
    for outcome in [b"\0\0\0\0", b"abcd", b"ab\0\0", b"\0\0cd", b"a\0\0\0", b"a\0cd"] {
        assert!(seen.contains(&outcome[..]), "{outcome:?} never came");
    }
}

#[test]
fn a_name_that_was_not_synced_may_be_lost_and_a_rename_is_whole() {
    let (mut lost, mut renamed) = (0, 0);
    for seed in 0..200 {
        let fs = SimFs::new();
        fs.put(Path::new("/data/old"), b"x");
        fs.rename(Path::new("/data/old"), Path::new("/data/new")).unwrap();
        drop(fs.create(Path::new(FILE)).unwrap());
        fs.power_cut(seed);
        let names = fs.list(Path::new("/data")).unwrap();
        assert!(
            names.contains(&"old".to_owned()) != names.contains(&"new".to_owned()),
            "{names:?}"
        );
        lost += u32::from(!names.contains(&"file".to_owned()));
        renamed += u32::from(names.contains(&"new".to_owned()));
    }
    assert!(
        (10..190).contains(&lost) && (10..190).contains(&renamed),
        "{lost} {renamed}"
    );
}

#[test]
fn a_failed_sync_is_not_made_up_for_by_a_later_one() {
    let mut lost = 0;
    for nth in 1..50 {
        let fs = SimFs::new();
        fs.put(Path::new(FILE), b"....");
        let file = fs.open(Path::new(FILE)).unwrap();
        for _ in 1..nth {
            file.sync_data().unwrap();
        }
        file.write_at(b"lost", 0).unwrap();
        fs.fail(Operation::Sync, "file", 1);
        assert!(file.sync_data().is_err());
        assert_eq!(
            fs.contents(Path::new(FILE)).unwrap(),
            b"lost",
            "the page cache still shows it"
        );
        file.sync_data().unwrap();
        fs.power_cut(0);
        lost += u32::from(fs.contents(Path::new(FILE)).unwrap() != b"lost");
    }
    assert!(lost > 10, "{lost}");
}

#[test]
fn killing_the_process_keeps_what_was_written_and_releases_its_lock() {
    let fs = SimFs::new();
    let file = fs.create(Path::new(FILE)).unwrap();
    file.lock().unwrap();
    let other = fs.open(Path::new(FILE)).unwrap();
    assert!(other.lock().is_err());
    file.write_at(b"written", 0).unwrap();
    fs.kill();
    assert!(file.write_at(b"dead", 0).is_err());
    let file = fs.open(Path::new(FILE)).unwrap();
    file.lock().unwrap();
    let mut bytes = [0; 7];
    assert!(read_full(&*file, &mut bytes, 0).unwrap());
    assert_eq!(&bytes, b"written");
}

#[test]
fn beyond_the_quota_there_is_no_space() {
    let fs = SimFs::new();
    fs.set_quota(Some(100));
    let file = fs.create(Path::new(FILE)).unwrap();
    file.allocate(60).unwrap();
    file.write_at(&[1; 60], 0).unwrap();
    let full = fs
        .create(Path::new("/data/other"))
        .unwrap()
        .allocate(41)
        .unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    fs.remove(Path::new(FILE)).unwrap();
    fs.create(Path::new("/data/other")).unwrap().allocate(41).unwrap();
}
