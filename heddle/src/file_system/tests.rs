use super::*;

const MOUNTS: &str = "\
/dev/sda1 / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/sdb1 /run/with\\040space ext4 rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
";

#[test]
fn memory_and_temporary_folders_are_told_and_disks_are_not() {
    for (directory, expected) in [
        ("/var/lib/heddle", false),
        ("/run/heddle", true),
        ("/run/with space/heddle", false),
        ("/dev/shm", true),
        ("/tmp/heddle", true),
        ("/tmpfoo/heddle", false),
    ] {
        assert_eq!(
            temporary_among(Path::new(directory), MOUNTS).is_some(),
            expected,
            "{directory}"
        );
    }
}
