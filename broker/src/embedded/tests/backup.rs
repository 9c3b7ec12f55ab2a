//! Backups, and what a data directory says of its format.

use super::*;

fn everything(ids: &[String]) -> BTreeSet<u64> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_restored_backup_delivers_what_was_acknowledged_before_it_and_not_delivered_yet() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("data")).await;
    let subscription = attach(&engine, "b", "t").await;
    for n in 0..10 {
        engine.append(&name("b"), batch(vec![event(n)])).await.unwrap();
    }
    for _ in 0..4 {
        next(&subscription).await.settle(delivered()).await.unwrap();
    }
    // One that waits for a retry is restored as well.
    next(&subscription).await.settle(retry_at(0, 3)).await.unwrap();
    let settled = || subscription.status().delivered == 4 && subscription.status().waiting_retry == 1;
    let mut activity = engine.shared.activity();
    while !settled() {
        activity.changed().await.unwrap();
    }
    let to = folder.path().join("backups").join("monday");
    let backup = engine.backup(to.clone()).await.unwrap();
    assert!(backup.segments >= 1 && backup.bytes > 0, "{backup:?}");
    engine.append(&name("b"), batch(vec![event(10)])).await.unwrap();

    let restored = open(&to).await;
    let again = attach(&restored, "b", "t").await;
    assert_eq!(again.status().delivered, 4);
    let delivered_then = everything(&ids(&again, 6).await);
    assert!(delivered_then.is_subset(&(0..10).collect()) && delivered_then.len() == 6);
    assert!(is_quiet(&again).await);
    restored.close().await;
    engine.close().await;
}

#[tokio::test]
async fn a_backup_goes_to_a_new_place_outside_of_the_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let engine = open(&data).await;
    let refused = engine.backup("backup".into()).await;
    assert!(
        matches!(refused, Err(BackupError::Relative { .. })),
        "{refused:?}"
    );
    std::os::unix::fs::symlink(&data, folder.path().join("link")).unwrap();
    for inside in [
        "data",
        "data/backup",
        "data/view/../x",
        "link/backup",
        "other/../data/b",
    ] {
        std::fs::create_dir_all(folder.path().join("other")).unwrap();
        let refused = engine.backup(folder.path().join(inside)).await;
        assert!(
            matches!(refused, Err(BackupError::Inside { .. })),
            "{inside}: {refused:?}"
        );
    }
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("x"), "x").unwrap();
    let refused = engine.backup(taken).await;
    assert!(
        matches!(refused, Err(BackupError::NotEmpty { .. })),
        "{refused:?}"
    );
    engine.close().await;
}

#[tokio::test]
async fn a_data_directory_says_its_format_and_a_newer_one_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await;
    let format = folder.path().join("FORMAT");
    assert_eq!(
        std::fs::read_to_string(&format).unwrap(),
        "heddle data\nformat 1\n"
    );
    std::fs::write(&format, "heddle data\nformat 9\n").unwrap();
    let refused = Embedded::open(Options::new(folder.path())).await.err().unwrap();
    assert!(
        matches!(refused, OpenError::NewerFormat { found: 9, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("FORMAT says format 9"), "{refused}");
    std::fs::remove_file(&format).unwrap();
    open(folder.path()).await.close().await;
    assert!(format.exists(), "one from before there was such a file gets it");
}
