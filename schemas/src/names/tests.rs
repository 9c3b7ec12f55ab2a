//! The naming rules, case by case.

use super::*;

#[test]
fn a_name_is_accepted_or_refused_by_the_dns_1123_rules() {
    let long_label = "a".repeat(NAMESPACE_BYTES_MAX + 1);
    let long_name = "a.".repeat(NAME_BYTES_MAX / 2) + "aa";
    let table: [(&str, &str, bool); 14] = [
        ("default", "orders", true),
        ("a", "0", true),
        ("team-1", "orders.v1-beta.eu", true),
        ("default", "", false),
        ("", "orders", false),
        ("Default", "orders", false),
        ("team.eu", "orders", false),
        ("-team", "orders", false),
        ("default", "orders-", false),
        ("default", "a..b", false),
        ("default", "a/b", false),
        ("default", "größe", false),
        (&long_label, "orders", false),
        ("default", &long_name, false),
    ];
    for (namespace, name, valid) in table {
        assert_eq!(
            ResourceName::new(namespace, name).is_ok(),
            valid,
            "{namespace:?} {name:?}"
        );
    }
}

#[test]
fn a_name_is_written_and_read_as_namespace_slash_name() {
    let name: ResourceName = "default/orders".parse().unwrap();
    assert_eq!((name.namespace(), name.name()), ("default", "orders"));
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"default/orders\"");
    assert_eq!(
        serde_json::from_str::<ResourceName>("\"default/orders\"").unwrap(),
        name
    );
    let error = "orders".parse::<ResourceName>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`orders` is not a resource's full name; write it as `namespace/name`"
    );
}

#[test]
fn names_order_by_namespace_and_then_by_name() {
    let parse = |text: &str| text.parse::<ResourceName>().unwrap();
    assert!(
        parse("a/z") < parse("a-b/a"),
        "the slash does not take part in the order"
    );
    assert!(parse("a/a") < parse("a/b"));
}
