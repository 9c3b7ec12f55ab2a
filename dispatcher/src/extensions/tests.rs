use super::*;
use crate::testing::{builder, event, failure};

fn added(event: &Event) -> Vec<(String, String)> {
    let ours = |name: &str| name.starts_with("knativeerror");
    let found = event.attributes().filter(|attribute| ours(attribute.name));
    found
        .map(|attribute| (attribute.name.to_owned(), attribute.value.to_owned()))
        .collect()
}

fn check(failure: &Failure, expected: &[(&str, &str)]) {
    let marked = with_error(&event(), failure).unwrap();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(added(&marked), expected);
    assert_eq!(
        marked
            .without(&[ERROR_DESTINATION, ERROR_CODE, ERROR_DATA])
            .to_record(),
        event().to_record()
    );
}

#[test]
fn an_answer_with_a_body_gives_all_three() {
    let expected = [
        ("knativeerrordest", "http://sink/"),
        ("knativeerrorcode", "422"),
        ("knativeerrordata", "bm8="),
    ];
    check(&failure(Some(422)), &expected);
}

#[test]
fn an_answer_without_a_body_gives_no_data() {
    let failure = Failure {
        data: Vec::new(),
        ..failure(Some(422))
    };
    check(
        &failure,
        &[("knativeerrordest", "http://sink/"), ("knativeerrorcode", "422")],
    );
}

#[test]
fn no_answer_gives_no_code() {
    let failure = Failure {
        data: Vec::new(),
        ..failure(None)
    };
    check(&failure, &[("knativeerrordest", "http://sink/")]);
}

#[test]
fn what_an_earlier_failure_left_is_replaced_whole() {
    let marked = with_error(&event(), &failure(Some(500))).unwrap();
    let failure = Failure {
        data: Vec::new(),
        ..failure(None)
    };
    assert_eq!(added(&with_error(&marked, &failure).unwrap()).len(), 1);
}

#[test]
fn the_code_is_an_integer() {
    let marked = with_error(&event(), &failure(Some(503))).unwrap();
    assert_eq!(
        marked.attribute(ERROR_CODE).unwrap().kind,
        schemas::event::Kind::Integer
    );
}

#[test]
fn an_event_without_a_count_is_the_same_handle() {
    assert_eq!(without_hops(&event()).to_record(), event().to_record());
    let counted = builder().attribute(HOPS, 3).unwrap().build().unwrap();
    assert!(without_hops(&counted).attribute(HOPS).is_none());
}
