use super::*;

#[test]
fn the_file_holds_the_addresses_and_nothing_else_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    fs::write(&path, "old").unwrap();
    let ready = Ready {
        ingress: "http://127.0.0.1:1".into(),
        admin: "http://127.0.0.1:2".into(),
        data: folder.path(),
    };
    write(&path, &ready).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(read["ingress"], "http://127.0.0.1:1");
    assert_eq!(read["admin"], "http://127.0.0.1:2");
    assert_eq!(read["data"], folder.path().to_str().unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let ready = Ready {
        ingress: String::new(),
        admin: String::new(),
        data: Path::new("/"),
    };
    let error = write(Path::new("/no/such/folder/ready.json"), &ready).unwrap_err();
    assert!(
        error.to_string().contains("/no/such/folder/ready.json"),
        "{error}"
    );
}

#[test]
fn a_wildcard_address_is_reached_by_loopback() {
    for (address, expected) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("10.1.2.3:80", "http://10.1.2.3:80"),
    ] {
        assert_eq!(base_url(address.parse().unwrap()), expected);
    }
}
