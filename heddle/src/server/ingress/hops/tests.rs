use super::*;

fn event(ttl: Option<&str>) -> Event {
    let builder = Event::builder().id("i").source("/s").ty("t");
    let builder = match ttl {
        Some(ttl) => builder.attribute(EXTENSION, ttl).expect("a valid name"),
        None => builder,
    };
    builder.build().expect("a valid event")
}

#[test]
fn the_lower_count_wins_and_the_extension_is_stripped() {
    for (ttl, expected) in [
        (None, 255),
        (Some("1"), 1),
        (Some("254"), 254),
        (Some("255"), 255),
        (Some("9000"), 255),
    ] {
        let mut events = [event(ttl)];
        assert_eq!(take(&mut events, false), Ok(expected), "{ttl:?}");
        assert!(events[0].attribute(EXTENSION).is_none(), "{ttl:?}");
    }
}

#[test]
fn a_count_that_is_used_up_or_no_number_is_refused_with_its_place() {
    for ttl in ["0", "-1", "many", ""] {
        let problem = take(&mut [event(None), event(Some(ttl))], true).unwrap_err();
        assert_eq!(
            (problem.kind, problem.at.as_deref(), problem.index),
            (Kind::Invalid, Some(EXTENSION), Some(1)),
            "{ttl}"
        );
    }
    assert_eq!(take(&mut [event(Some("0"))], false).unwrap_err().index, None);
}

#[test]
fn a_batch_has_the_lowest_count_of_its_events() {
    assert_eq!(
        take(&mut [event(Some("9")), event(None), event(Some("3"))], true),
        Ok(3)
    );
}
