use super::*;

#[test]
fn an_event_is_one_line_whatever_its_data_looks_like() {
    let line = on_one_line(b"{\n  \"a\": \"x\\ny\",\r\n  \"b\": 1\n}");
    assert_eq!(line, b"{   \"a\": \"x\\ny\",    \"b\": 1 }");
}
