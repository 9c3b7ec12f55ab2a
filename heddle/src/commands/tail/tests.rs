use super::*;

#[test]
fn lines_are_taken_whole_however_the_bytes_arrive() {
    let mut unread = BytesMut::from(&b"one\ntw"[..]);
    assert_eq!(take_line(&mut unread).as_deref(), Some(&b"one"[..]));
    assert_eq!(take_line(&mut unread), None);
    unread.extend_from_slice(b"o\n");
    assert_eq!(take_line(&mut unread).as_deref(), Some(&b"two"[..]));
    assert!(unread.is_empty());
}

#[test]
fn what_was_missed_is_said() {
    let line = Bytes::from_static(br#"{"missed":{"from":3,"to":9,"reason":"the reader was too slow"}}"#);
    let text = rendered(&line, TailOutput::Pretty).unwrap();
    assert_eq!(text, "-- missed events 3 to 9: the reader was too slow\n");
}

#[test]
fn an_event_is_laid_out_with_its_sequence() {
    let line = Bytes::from_static(
        br#"{"sequence":7,"acceptedAt":"2026-01-01T00:00:00Z","event":{"specversion":"1.0","id":"i","source":"/s","type":"t","data":{"a":1}}}"#,
    );
    let text = rendered(&line, TailOutput::Pretty).unwrap();
    assert!(text.starts_with("event 7 at 2026-01-01T00:00:00Z\n"), "{text}");
    assert!(text.contains("\"a\": 1"), "{text}");
}

#[test]
fn json_passes_through_as_it_came() {
    let line = Bytes::from_static(br#"{"later":  "version"}"#);
    assert_eq!(
        rendered(&line, TailOutput::Json).unwrap(),
        "{\"later\":  \"version\"}\n"
    );
}
