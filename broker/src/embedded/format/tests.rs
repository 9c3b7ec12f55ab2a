use super::*;

#[test]
fn what_is_written_is_known_and_what_a_newer_program_wrote_is_not() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path()).unwrap(), Stated::Nothing);
    write(folder.path()).unwrap();
    assert_eq!(read(folder.path()).unwrap(), Stated::Known);
    let file = folder.path().join(FILE);
    fs::write(&file, "heddle data\nformat 2\nand more\n").unwrap();
    let newer = Stated::Newer {
        file: file.clone(),
        found: 2,
    };
    assert_eq!(read(folder.path()).unwrap(), newer);
    for damaged in [
        "",
        "heddle data\n",
        "heddle data\nformat x\n",
        "other\nformat 1\n",
    ] {
        fs::write(&file, damaged).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Stated::Unreadable, "{damaged:?}");
    }
}
