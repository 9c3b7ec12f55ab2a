use super::*;

const STREAM: u64 = 16;

fn event(ty: &str, source: &str) -> Event {
    let builder = Event::builder().id("1").source(source).ty(ty);
    builder.json("{\"n\": 1}").build().unwrap()
}

/// Notes events and says what would be recorded with them.
fn note(types: &Types, events: &[Event], at: u64) -> Vec<StateRecord> {
    let (noted, records) = types.note(STREAM, events.iter(), Timestamp(at));
    noted.stored(Timestamp(at));
    records
}

fn only(types: &Types) -> EventTypeInfo {
    let mut all = types.of(&ResourceName::new("default", "b").unwrap(), STREAM);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn a_type_is_recorded_with_its_first_event_until_that_is_committed() {
    let types = Types::default();
    let first = note(&types, &[event("t", "/a"), event("t", "/a")], 5);
    let [StateRecord::TypeSeen(record)] = first.as_slice() else {
        panic!("one record was expected, not {first:?}")
    };
    assert_eq!(
        (record.at, record.sample.as_deref()),
        (Timestamp(5), Some("{\"n\": 1}"))
    );
    assert_eq!(
        note(&types, &[event("t", "/b")], 6),
        first,
        "a frame that may have failed is made up for"
    );
    types.apply(record);
    assert_eq!(note(&types, &[event("t", "/b")], 7), []);
    let info = only(&types);
    assert_eq!(
        (info.count, info.first_seen, info.last_seen),
        (4, Timestamp(5), Some(Timestamp(7)))
    );
    assert_eq!(info.sources, ["/a", "/b"]);
}

#[test]
fn a_type_that_is_known_from_before_the_start_has_no_count_yet() {
    let types = Types::default();
    let record = first(STREAM, &event("t", "/a"), Timestamp(3));
    types.apply(&record);
    types.apply(&record);
    let info = only(&types);
    assert_eq!(
        (info.count, info.first_seen, info.last_seen),
        (0, Timestamp(3), None)
    );
}

#[test]
fn memory_is_bounded_in_types_in_sources_and_in_length() {
    let types = Types::default();
    for n in 0..EVENT_TYPES_MAX {
        note(&types, &[event(&format!("t{n}"), "/a")], 1);
    }
    assert_eq!(note(&types, &[event("one.more", "/a")], 1), []);
    note(
        &types,
        &[event(&"t".repeat(EVENT_TYPE_TEXT_BYTES_MAX + 1), "/a")],
        1,
    );
    assert_eq!(types.left_out.load(Ordering::Relaxed), 2);
    assert_eq!(types.known.read().count, EVENT_TYPES_MAX);

    let types = Types::default();
    for n in 0..100 {
        note(&types, &[event("t", &format!("/{n}"))], 1);
    }
    let info = only(&types);
    assert_eq!(
        (info.sources.len(), info.more_sources, info.count),
        (EVENT_TYPE_SOURCES_MAX, true, 100)
    );
}

#[test]
fn a_batch_of_many_new_types_records_some_and_the_others_when_they_come_again() {
    let types = Types::default();
    let batch: Vec<_> = (0..100).map(|n| event(&format!("t{n}"), "/a")).collect();
    assert_eq!(note(&types, &batch, 1).len(), EVENT_TYPES_RECORDED_MAX);
    assert_eq!(note(&types, &batch[99..], 2).len(), 1);
}

#[test]
fn a_sample_is_text_and_never_half_a_character() {
    assert_eq!(head(b"abc").as_deref(), Some("abc"));
    assert_eq!(head(&[0xff, 0xfe]), None);
    assert_eq!(head("é".as_bytes().get(..1).unwrap()), None);
    let long = format!("a{}", "é".repeat(EVENT_TYPE_SAMPLE_BYTES_MAX));
    let head = head(long.as_bytes()).unwrap();
    assert_eq!(head.len(), EVENT_TYPE_SAMPLE_BYTES_MAX - 1);
    assert!(long.starts_with(&head));
}
