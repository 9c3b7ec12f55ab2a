//! What a filter lets pass, and what an index may take from it.

use proptest::prelude::*;

use super::Filter::{All, Any, Not};
use super::{Comparison, Filter, Pointer, Sql, Test};
use crate::event::{DataForm, Event};

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

/// An event with these attributes beside the required ones.
fn event(attributes: &[(&str, &str)], data: Option<(&str, &str)>) -> Event {
    let given = |name: &str, default| {
        let found = attributes.iter().find(|(found, _)| *found == name);
        found.map_or(default, |(_, value)| *value)
    };
    let mut builder = Event::builder()
        .id("1")
        .source(given("source", "/"))
        .ty(given("type", "t"));
    for (name, value) in attributes {
        if !["type", "source"].contains(name) {
            builder = builder.attribute(name, *value).expect("a valid attribute");
        }
    }
    if let Some((content_type, data)) = data {
        builder = builder
            .data_content_type(content_type)
            .data(DataForm::Binary, data.as_bytes().to_vec());
    }
    builder.build().expect("a valid event")
}

fn holds(filter: &Filter, attributes: &[(&str, &str)]) -> bool {
    filter.matches(&event(attributes, None))
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

fn attribute(name: &str, test: Test) -> Filter {
    Filter::Attribute(name.to_owned(), test)
}

fn data(pointer: &str, test: Test) -> Filter {
    Filter::Data(Pointer::try_from(pointer.to_owned()).expect("a pointer"), test)
}

fn sql(text: &str) -> Filter {
    Filter::Cesql(Sql::try_from(text.to_owned()).expect("an expression"))
}

fn than(comparison: Comparison, number: &str) -> Test {
    Test::Compare(comparison, number.parse().expect("a number"))
}

#[test]
fn numbers_are_compared_exactly_whatever_their_size_and_form() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    for (text, comparison, number) in [
        ("5", Equal, "5.0"),
        ("05", Equal, "5"),
        ("1e3", Equal, "1000"),
        ("0.001", Equal, "1e-3"),
        ("-0", Equal, "0"),
        ("100", Equal, "1e2"),
        ("12345678901234567890123", Greater, "12345678901234567890122"),
        ("0.1", Greater, "0.09999999999999999999"),
        ("-3", Less, "-2.5"),
        ("-3", LessOrEqual, "0"),
        ("10", Greater, "9"),
        ("9", Less, "10"),
        ("0.5", Less, "5"),
        ("7", GreaterOrEqual, "7"),
        ("7", NotEqual, "8"),
        ("1000000", Greater, "999999.5"),
    ] {
        let filter = attribute("n", than(comparison, number));
        assert!(holds(&filter, &[("n", text)]), "{text} {comparison:?} {number}");
        let opposite = match comparison {
            Equal => NotEqual,
            NotEqual => Equal,
            Less => GreaterOrEqual,
            LessOrEqual => Greater,
            Greater => LessOrEqual,
            GreaterOrEqual => Less,
        };
        let filter = attribute("n", than(opposite, number));
        assert!(!holds(&filter, &[("n", text)]), "{text} {opposite:?} {number}");
    }
    for text in ["", "x", "1x", "0x10", "1e", ".", "--1", "1e9999999999"] {
        assert!(
            !holds(&attribute("n", than(NotEqual, "5")), &[("n", text)]),
            "{text:?} is no number"
        );
    }
    assert!(!holds(&attribute("absent", than(NotEqual, "5")), &[]));
}

proptest! {
    #[test]
    fn decimal_numbers_order_as_integers_do(a in any::<i64>(), b in any::<i64>(), zeros in 0..4usize) {
        let padded = format!("{a}{}e-{zeros}", "0".repeat(zeros));
        prop_assert_eq!(holds(&attribute("n", than(Comparison::Less, &b.to_string())), &[("n", &padded)]), a < b);
        prop_assert_eq!(holds(&attribute("n", than(Comparison::Equal, &b.to_string())), &[("n", &padded)]), a == b);
    }

    #[test]
    fn a_wildcard_that_is_the_text_with_holes_matches(text in "[ab*?]{0,8}", at in 0..9usize, length in 0..9usize) {
        let characters: Vec<char> = text.chars().collect();
        let from = at.min(characters.len());
        let to = (from + length).min(characters.len());
        let escaped = |part: &[char]| part.iter().map(|c| format!("\\{c}")).collect::<String>();
        let pattern = format!("{}*{}", escaped(&characters[..from]), escaped(&characters[to..]));
        prop_assert!(super::Wildcard::from(pattern.clone()).matches(&text), "{pattern} {text}");
    }
}

#[test]
fn wildcards_cover_the_whole_text() {
    let check = |pattern: &str, text: &str, expected: bool| {
        let matches = super::Wildcard::from(pattern.to_owned()).matches(text);
        assert_eq!(matches, expected, "{pattern} {text}");
    };
    check("orders/*", "orders/1", true);
    check("orders/*", "orders/", true);
    check("orders/*", "order/1", false);
    check("*/eu-??", "a/b/eu-de", true);
    check("*/eu-??", "a/b/eu-d", false);
    check("a*b*c", "aXbYbZc", true);
    check("a*b*c", "aXbYbZ", false);
    check("*", "", true);
    check("", "x", false);
    check("?", "\u{20ac}", true);
    check("1\\*", "1*", true);
    check("1\\*", "12", false);
}

#[test]
fn addresses_are_in_networks_of_either_family() {
    let in_networks = |networks: &[&str], text: &str| {
        let networks = networks
            .iter()
            .map(|text| text.parse().expect("a network"))
            .collect();
        holds(&attribute("ip", Test::Cidr(networks)), &[("ip", text)])
    };
    assert!(in_networks(&["10.0.0.0/8"], "10.255.0.1"));
    assert!(!in_networks(&["10.0.0.0/8"], "11.0.0.1"));
    assert!(in_networks(&["192.0.2.7"], "192.0.2.7"));
    assert!(in_networks(&["10.1.2.3/8"], "10.9.9.9"));
    assert!(in_networks(&["10.0.0.0/8"], "::ffff:10.0.0.1"));
    assert!(in_networks(&["10.0.0.0/8", "2001:db8::/32"], "2001:db8:1::"));
    assert!(!in_networks(&["2001:db8::/32"], "10.0.0.1"));
    assert!(!in_networks(&["0.0.0.0/0"], "not an address"));
}

#[test]
fn data_is_looked_into_by_pointer_and_compared_as_canonical_strings() {
    let json = r#"{"a":{"b":[1,{"c":"x\u20acy"}]},"n":12345678901234567890123,"t":true,"z":null,"a/b":{"~":"s"},"d":1,"d":2}"#;
    let check = |content_type: &str, filter: Filter, expected: bool| {
        let matches = filter.matches(&event(&[], Some((content_type, json))));
        assert_eq!(matches, expected, "{filter:?}");
    };
    let equals = |text: &str| Test::Equals(text.to_owned());
    let json_type = "application/json; charset=utf-8";
    check(json_type, data("/a/b/1/c", equals("x\u{20ac}y")), true);
    check(json_type, data("/a/b/0", equals("1")), true);
    check(json_type, data("/a/b/00", equals("1")), false);
    check(json_type, data("/a/b/2", Test::Exists(false)), true);
    check(json_type, data("/a/b", Test::Exists(true)), true);
    check(json_type, data("/a/b", equals("")), false);
    check(
        json_type,
        data("/n", than(Comparison::Greater, "12345678901234567890122")),
        true,
    );
    check(json_type, data("/t", equals("true")), true);
    check(json_type, data("/z", equals("null")), true);
    check(json_type, data("/z", Test::Exists(true)), true);
    check(json_type, data("/a~1b/~0", equals("s")), true);
    check(json_type, data("/d", equals("2")), true);
    check(json_type, data("/missing/deeper", equals("2")), false);
    check("text/plain", data("/t", equals("true")), false);
    check("text/plain", data("/t", Test::Exists(false)), true);
    let both = All(vec![data("/t", equals("true")), not(data("/t", equals("false")))]);
    check(json_type, both, true);
    let broken = event(&[], Some(("application/json", "{\"t\":true")));
    assert!(
        !data("/t", equals("true")).matches(&broken),
        "what is not JSON has no values"
    );
}

#[test]
fn an_expression_matches_when_it_is_true_and_nothing_went_wrong() {
    assert!(holds(
        &sql("type = 'com.example.order.created' AND source LIKE '/%'"),
        ATTRIBUTES
    ));
    assert!(!holds(&sql("absent != 2"), ATTRIBUTES));
    assert!(!holds(&sql("5"), ATTRIBUTES));
    assert!(holds(&not(sql("absent = 2")), ATTRIBUTES));
    let typed = Event::builder().id("1").source("/").ty("t");
    let typed = typed
        .attribute("n", 5)
        .and_then(|event| event.attribute("b", true));
    let typed = typed.expect("valid").build().expect("valid");
    assert!(sql("n + 1 = 6 AND b").matches(&typed));
}

#[test]
fn filters_survive_being_stored() {
    let networks = vec!["10.0.0.0/8".parse().expect("a network")];
    let filter = All(vec![
        sql("type = 'a' OR EXISTS x"),
        attribute("ip", Test::Cidr(networks)),
        attribute("n", than(Comparison::Less, "1.50")),
        attribute("s", Test::Wildcard(super::Wildcard::from("a*".to_owned()))),
        data("/a/0", Test::OneOf(vec!["x".to_owned()])),
        data("", Test::Exists(true)),
    ]);
    let stored = serde_json::to_string(&filter).expect("it is stored");
    assert_eq!(
        serde_json::from_str::<Filter>(&stored).expect("it is read"),
        filter
    );
}

#[test]
fn an_explanation_names_the_clause_that_decided() {
    let filter = All(vec![
        exact("source", "/shop"),
        Any(vec![exact("type", "x"), prefix("type", "com.")]),
        not(exact("count", "5")),
        exact("flag", "false"),
    ]);
    let explained = filter.explain(&event(ATTRIBUTES, None));
    assert!(!explained.holds);
    let deciding = explained.deciding();
    let [clause] = deciding.as_slice() else {
        panic!("one clause decided: {deciding:?}")
    };
    assert_eq!(
        (clause.clause.as_str(), clause.found.as_deref()),
        ("exact count: \"5\"", Some("5"))
    );
    assert_eq!(clause.leaf, Some(3), "the fourth condition");

    let explained = sql("EXISTS type AND (count = '6' OR flag = 'no')").explain(&event(ATTRIBUTES, None));
    let clauses: Vec<_> = explained
        .deciding()
        .into_iter()
        .map(|clause| (clause.clause.as_str(), clause.at))
        .collect();
    assert_eq!(
        clauses,
        [("count = '6'", Some([17, 28])), ("flag = 'no'", Some([32, 43]))]
    );
    let explained = sql("absent = 'x' OR EXISTS type").explain(&event(&[], None));
    let clauses: Vec<_> = explained.deciding().into_iter().map(|clause| clause.at).collect();
    assert_eq!(
        (explained.holds, clauses),
        (false, vec![Some([0, 12])]),
        "an error ends the evaluation"
    );
    assert!(Filter::everything().explain(&event(&[], None)).holds);
}
