use super::parse;

#[test]
fn a_size_is_a_whole_number_with_or_without_a_unit() {
    for (text, bytes) in [
        ("0", 0),
        ("4096", 4096),
        ("4096B", 4096),
        ("64kB", 64_000),
        ("128MiB", 128 << 20),
        ("2 GiB", 2 << 30),
    ] {
        assert_eq!(parse(text), Ok(bytes), "{text}");
    }
    for text in ["", "MiB", "-1", "1.5GiB", "12 apples", "99999999999TiB", "1mib"] {
        let refused = parse(text).expect_err(text);
        assert!(refused.contains("128MiB"), "{refused}");
    }
}
