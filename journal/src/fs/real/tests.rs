use super::*;

#[test]
fn initialising_changes_neither_what_is_read_nor_the_length() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = RealFs.create(&folder.path().join("file")).expect("a file");
    file.allocate(300_000).expect("room");
    file.write_at(b"before", 0).expect("a write");
    let is_done = file.initialise(6, 200_000).expect("it works or is not done");
    file.write_at(b"behind", 200_006).expect("a write");
    let mut read = vec![1; 300_001];
    assert_eq!(file.read_at(&mut read, 0).expect("a read"), 300_000);
    assert_eq!(&read[..6], b"before");
    assert!(read[6..200_006].iter().all(|byte| *byte == 0));
    assert_eq!(&read[200_006..200_012], b"behind");
    assert_eq!(
        is_done,
        writes_in_place(&fs::File::open(folder.path().join("file")).expect("it is there"))
            .expect("a file system")
    );
}
