//! The kinds of event that can be matched as they are.

use std::collections::{BTreeMap, HashMap};

use super::Attributes;
use crate::{Expression, Value};

#[test]
fn pairs_maps_references_and_trait_objects_are_events() {
    let expression = Expression::parse("type = 'a' AND NOT EXISTS subject").unwrap();
    let pairs = [("type", Value::from("a")), ("type", Value::from("b"))];
    let ordered = BTreeMap::from([("type".to_owned(), Value::from("a"))]);
    let hashed = HashMap::from([("type".to_owned(), Value::from("a"))]);
    let object: &dyn Attributes = &hashed;

    assert!(expression.is_match(&pairs));
    assert!(expression.is_match(pairs.as_slice()));
    assert!(expression.is_match(&ordered));
    assert!(expression.is_match(&hashed));
    assert!(expression.is_match(&&hashed));
    assert!(expression.is_match(object));
}

#[test]
fn an_expression_is_shared_between_threads() {
    let expression = Expression::parse("type = 'a'").unwrap();
    std::thread::scope(|scope| {
        for value in ["a", "b"] {
            let expression = &expression;
            scope.spawn(move || {
                assert_eq!(expression.is_match(&[("type", Value::from(value))]), value == "a");
            });
        }
    });
}
