//! What a filter lets pass, and what an index may take from it.

use proptest::prelude::*;

use super::Filter;
use super::Filter::{All, Any, Not};

fn exact(name: &str, value: &str) -> Filter {
    Filter::Exact(name.to_owned(), value.to_owned())
}

fn prefix(name: &str, value: &str) -> Filter {
    Filter::Prefix(name.to_owned(), value.to_owned())
}

fn suffix(name: &str, value: &str) -> Filter {
    Filter::Suffix(name.to_owned(), value.to_owned())
}

fn present(name: &str) -> Filter {
    Filter::Present(name.to_owned())
}

fn not(filter: Filter) -> Filter {
    Not(Box::new(filter))
}

/// An event that has these attributes and no others.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("type", "com.example.order.created"),
    ("source", "/shop"),
    ("count", "5"),
    ("flag", "true"),
    ("hollow", ""),
];

fn holds(filter: &Filter, attributes: &[(&str, &'static str)]) -> bool {
    filter.holds(&|name| {
        attributes
            .iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| *value)
    })
}

#[test]
fn conditions_compare_canonical_strings_and_miss_missing_attributes() {
    let check =
        |filter: Filter, expected: bool| assert_eq!(holds(&filter, ATTRIBUTES), expected, "{filter:?}");
    check(Filter::everything(), true);

    check(exact("type", "com.example.order.created"), true);
    check(exact("type", "com.example.order"), false);
    check(exact("type", "COM.EXAMPLE.ORDER.CREATED"), false);
    check(exact("count", "5"), true);
    check(exact("count", "05"), false);
    check(exact("flag", "true"), true);
    check(exact("absent", ""), false);
    check(exact("absent", "x"), false);

    check(prefix("type", "com.example."), true);
    check(prefix("type", "example"), false);
    check(prefix("absent", "x"), false);
    check(prefix("absent", ""), false);
    check(suffix("type", ".created"), true);
    check(suffix("type", ".deleted"), false);
    check(suffix("absent", ""), false);

    check(present("type"), true);
    check(present("hollow"), false);
    check(present("absent"), false);

    check(not(exact("absent", "x")), true);
    check(not(prefix("absent", "x")), true);
    check(not(present("absent")), true);
    check(not(exact("source", "/shop")), false);

    check(All(vec![exact("source", "/shop"), exact("count", "5")]), true);
    check(All(vec![exact("source", "/shop"), exact("count", "6")]), false);
    check(Any(vec![exact("source", "/other"), exact("count", "5")]), true);
    check(Any(vec![exact("source", "/other"), exact("absent", "5")]), false);
    check(All(vec![]), true);
    check(Any(vec![]), false);
    check(not(Any(vec![exact("count", "5"), exact("absent", "x")])), false);
}

#[test]
fn an_index_gets_the_pairs_that_must_hold_and_no_others() {
    let check = |filter: Filter, expected: &[(&str, &str)]| {
        assert_eq!(
            filter.required_exact().collect::<Vec<_>>(),
            expected,
            "{filter:?}"
        );
    };
    check(Filter::everything(), &[]);
    check(exact("type", "a"), &[("type", "a")]);
    check(
        All(vec![
            exact("type", "a"),
            prefix("source", "/"),
            All(vec![exact("x", "1")]),
            exact("y", "2"),
        ]),
        &[("type", "a"), ("x", "1"), ("y", "2")],
    );
    check(Any(vec![exact("type", "a"), exact("type", "b")]), &[]);
    check(Any(vec![exact("type", "a")]), &[("type", "a")]);
    check(not(exact("type", "a")), &[]);
    check(All(vec![not(exact("type", "a")), present("type")]), &[]);
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c")];
    let value = prop_oneof![Just("x"), Just("xy"), Just("")];
    let leaf = (name, value, 0..4).prop_map(|(name, value, dialect)| match dialect {
        0 => exact(name, value),
        1 => prefix(name, value),
        2 => suffix(name, value),
        _ => present(name),
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Any),
            inner.prop_map(not),
        ]
    })
}

proptest! {
    #[test]
    fn what_passes_has_every_required_pair(filter in any_filter(), values in prop::array::uniform3(0..4usize)) {
        let choices = [None, Some("x"), Some("xy"), Some("")];
        let attributes: Vec<(&str, &'static str)> =
            ["a", "b", "c"].into_iter().zip(values).filter_map(|(name, choice)| Some((name, choices[choice]?))).collect();
        if holds(&filter, &attributes) {
            for (name, value) in filter.required_exact() {
                prop_assert!(attributes.contains(&(name, ["x", "xy", ""].into_iter().find(|known| *known == value).unwrap_or("?"))));
            }
        }
    }
}
