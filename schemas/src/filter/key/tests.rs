use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::filter::{Sql, Wildcard};

fn exact(name: &str, value: &str) -> Filter {
    Filter::Exact(name.to_owned(), value.to_owned())
}

fn prefix(name: &str, value: &str) -> Filter {
    Filter::Prefix(name.to_owned(), value.to_owned())
}

fn suffix(name: &str, value: &str) -> Filter {
    Filter::Suffix(name.to_owned(), value.to_owned())
}

fn sql(text: &str) -> Filter {
    Filter::Cesql(Sql::try_from(text.to_owned()).unwrap())
}

fn wildcard(name: &str, pattern: &str) -> Filter {
    Filter::Attribute(
        name.to_owned(),
        Test::Wildcard(Wildcard::from(pattern.to_owned())),
    )
}

/// The sets as text: `type=a`, `type=a*` and `type=*a`, with `|` between the keys of a set.
fn check(filter: &Filter, expected: &[&str]) {
    let shown = |key: &Key| {
        let Key {
            part,
            attribute,
            text,
        } = key;
        match part {
            Part::Whole => format!("{attribute}={text}"),
            Part::Start => format!("{attribute}={text}*"),
            Part::End => format!("{attribute}=*{text}"),
        }
    };
    let sets = filter.keys();
    let sets = sets
        .iter()
        .map(|set| set.iter().map(shown).collect::<Vec<_>>().join("|"));
    assert_eq!(sets.collect::<Vec<_>>(), expected, "{filter:?}");
}

#[test]
fn an_index_gets_what_must_hold_and_no_more() {
    use Filter::{All, Any, Not, Present};
    check(&Filter::everything(), &[]);
    check(&exact("type", "a"), &["type=a"]);
    check(&prefix("type", "a"), &["type=a*"]);
    check(&suffix("type", "a"), &["type=*a"]);
    check(&Present("type".to_owned()), &["type=*"]);
    let all = All(vec![
        exact("type", "a"),
        prefix("source", "/"),
        All(vec![exact("x", "1")]),
    ]);
    check(&all, &["type=a", "source=/*", "x=1"]);
    check(&Any(vec![all]), &["type=a", "source=/*", "x=1"]);
    check(&Not(Box::new(exact("type", "a"))), &[]);
    check(&wildcard("x", "a*b?"), &["x=a*", "x=*"]);
    check(&wildcard("x", "a*?b"), &["x=a*", "x=*b"]);
    let one_of = Test::OneOf(vec!["a".to_owned(), "b".to_owned()]);
    check(&Filter::Attribute("x".to_owned(), one_of), &["x=a|x=b"]);
    check(&Filter::Attribute("x".to_owned(), Test::Exists(false)), &[]);
}

#[test]
fn of_alternatives_the_sharpest_sets_go_together() {
    use Filter::{All, Any};
    let both = All(vec![prefix("source", "/s"), exact("type", "a")]);
    check(&Any(vec![both, exact("type", "b")]), &["type=a|type=b"]);
    let open = Any(vec![exact("type", "a"), Filter::everything()]);
    check(&open, &[]);
    assert_eq!(Any(vec![]).keys(), [vec![]], "nothing passes");
}

#[test]
fn an_expression_gives_what_is_equal_or_like() {
    check(
        &sql("type = 'a' AND source = 'b' AND LENGTH(id) > 2"),
        &["type=a", "source=b"],
    );
    check(
        &sql("type = 'a' AND subject LIKE 'x%'"),
        &["type=a", "subject=x*", "subject=*"],
    );
    check(&sql("subject LIKE '%x\\%_'"), &["subject=*", "subject=*"]);
    check(&sql("subject LIKE '_\\%x'"), &["subject=*", "subject=*%x"]);
    check(&sql("subject LIKE 'x'"), &["subject=x"]);
    check(&sql("type = 'a' OR source = 'b'"), &["type=a|source=b"]);
    check(&sql("type = 'a' OR LENGTH(id) > 2"), &[]);
    check(&sql("type = 'a' XOR source = 'b'"), &[]);
    check(&sql("type IN ('a', 'b')"), &["type=a|type=b"]);
    check(&sql("type NOT IN ('a', 'b')"), &[]);
    check(&sql("subject NOT LIKE 'a%'"), &[]);
    check(&sql("NOT (type = 'a')"), &[]);
}

#[test]
fn a_comparison_by_the_attributes_type_gives_nothing() {
    check(&sql("'5' = n"), &[]);
    check(&sql("n IN ('05')"), &[]);
    let event = Event::builder().id("1").source("/").ty("t").attribute("n", 5);
    let event = event.unwrap().build().unwrap();
    assert!(sql("n IN ('05')").matches(&event), "5 is 05 as a number");
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let name = prop_oneof![Just("subject"), Just("b"), Just("c")];
    let value = prop_oneof![Just("x"), Just("xy"), Just("y%"), Just("")];
    let leaf = (name, value, 0..11).prop_map(|(name, value, dialect)| match dialect {
        0 => exact(name, value),
        1 => prefix(name, value),
        2 => suffix(name, value),
        3 => Filter::Present(name.to_owned()),
        4 => Filter::Attribute(
            name.to_owned(),
            Test::OneOf(vec![value.to_owned(), "y".to_owned()]),
        ),
        5 => wildcard(name, &format!("{value}*y")),
        6 => sql(&format!("{name} LIKE '{value}%'")),
        7 => sql(&format!("{name} LIKE '%{value}'")),
        8 => sql(&format!("{name} IN ('{value}', 'y')")),
        9 => sql(&format!("{name} = '{value}' OR c = 'xy'")),
        _ => sql(&format!("{name} = '{value}' AND NOT (c = 'xy')")),
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_passes_shows_a_key_of_every_set(filter in any_filter(), values in prop::array::uniform3(0..5usize)) {
        let choices = [None, Some("x"), Some("xy"), Some("y"), Some("xyy%")];
        let mut builder = Event::builder().id("1").source("/").ty("t");
        for (name, choice) in ["subject", "b", "c"].into_iter().zip(values) {
            if let Some(value) = choices[choice] {
                builder = builder.attribute(name, value).unwrap();
            }
        }
        let event = builder.build().unwrap();
        if filter.matches(&event) {
            for set in filter.keys() {
                let shown = |key: &Key| event.attribute(&key.attribute).is_some_and(|found| key.holds(found.value));
                prop_assert!(set.iter().any(shown), "{filter:?} passes {event:?} without any of {set:?}");
            }
        }
    }
}
