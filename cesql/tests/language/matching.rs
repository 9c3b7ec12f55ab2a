//! LIKE, EXISTS and IN.

use cesql::ErrorKind::MissingAttribute;

use crate::{fails, gives, refused};

#[test]
fn like_matches_the_whole_text() {
    for (expression, value) in [
        ("'abc' LIKE 'abc'", true),
        ("'abc' LIKE 'ab'", false),
        ("'abc' LIKE 'bc'", false),
        ("'abc' LIKE 'ABC'", false),
        ("'' LIKE ''", true),
        ("'a' LIKE ''", false),
        ("'abc' LIKE 'a%'", true),
        ("'abc' LIKE '%c'", true),
        ("'abc' LIKE '%b%'", true),
        ("'abc' LIKE 'a%c'", true),
        ("'abc' LIKE 'abc%'", true),
        ("'abc' LIKE '%abc'", true),
        ("'abc' LIKE '%'", true),
        ("'' LIKE '%'", true),
        ("'' LIKE '%%'", true),
        ("'abc' LIKE '%d%'", false),
        ("'aba' LIKE 'ab%ba'", false),
        ("'abc' LIKE '___'", true),
        ("'abc' LIKE '__'", false),
        ("'abc' LIKE '____'", false),
        ("'' LIKE '_'", false),
        ("'abc' LIKE 'a_c'", true),
        ("'abc' LIKE '_%_'", true),
        ("'a' LIKE '_%_'", false),
        ("'abc' NOT LIKE 'a%'", false),
        ("'abc' not like 'b%'", true),
        ("'a\nb' LIKE 'a_b'", true),
        ("'a\nb' LIKE '%b'", true),
        ("'a.c' LIKE 'a.c'", true),
        ("'abc' LIKE 'a.c'", false),
        ("'a*c' LIKE 'a*c'", true),
        ("subject LIKE 'eu-%'", true),
        ("source LIKE '/shop/%'", true),
    ] {
        gives(expression, value);
    }
}

#[test]
fn like_takes_the_characters_after_a_backslash_as_they_are() {
    for (expression, value) in [
        (r"'a%c' LIKE 'a\%c'", true),
        (r"'abc' LIKE 'a\%c'", false),
        (r"'a_c' LIKE 'a\_c'", true),
        (r"'abc' LIKE 'a\_c'", false),
        (r"discount LIKE '50\%\_off'", true),
        (r"discount LIKE '%\%%'", true),
        (r"subject LIKE '%\%%'", false),
        (r"'a\b' LIKE 'a\b'", true),
        (r"'a\\b' LIKE 'a\\b'", true),
        (r"'\\' LIKE '\\'", true),
        (r"'it\'s' LIKE 'it\'s'", true),
    ] {
        gives(expression, value);
    }
}

#[test]
fn like_counts_characters_not_bytes() {
    gives("unicode LIKE 'Gr__e _'", true);
    gives("'😀' LIKE '_'", true);
    gives("'ß' LIKE '_'", true);
    gives("'ß' LIKE '__'", false);
    gives("unicode LIKE '%😀'", true);
}

#[test]
fn like_needs_a_literal_pattern() {
    refused("subject LIKE type", "type");
    refused("subject LIKE 5", "5");
    refused("subject LIKE ('a')", "(");
    refused("subject LIKE CONCAT('a', '%')", "CONCAT");
    refused("subject LIKE", "");
    refused("subject NOT 'a'", "NOT");
}

#[test]
fn exists_asks_for_the_attribute_and_not_for_its_value() {
    for (expression, value) in [
        ("EXISTS subject", true),
        ("EXISTS SUBJECT", true),
        ("exists empty", true),
        ("EXISTS missing", false),
        ("NOT EXISTS missing", true),
        (
            "EXISTS id AND EXISTS source AND EXISTS specversion AND EXISTS type",
            true,
        ),
        ("EXISTS missing AND missing = 1", false),
    ] {
        gives(expression, value);
    }
    refused("EXISTS 'subject'", "'subject'");
    refused("EXISTS (subject)", "(");
    refused("EXISTS true", "true");
    refused("EXISTS", "");
    refused("EXISTS my_ext", "my_ext");
}

#[test]
fn in_looks_for_an_equal_element() {
    for (expression, value) in [
        ("1 IN (1)", true),
        ("1 IN (2, 3)", false),
        ("3 IN (1, 2, 3)", true),
        ("'a' IN ('b', 'a')", true),
        ("'a' NOT IN ('b', 'a')", false),
        ("'c' not in ('b', 'a')", true),
        ("type IN ('order.placed', 'order.paid')", true),
        ("priority IN (1 + 4)", true),
        ("subject IN (CONCAT('eu', '-1234'))", true),
        ("'order.placed' IN (source, type)", true),
        ("true IN (1 = 2, 2 = 2)", true),
        ("(true OR false) IN (true)", true),
    ] {
        gives(expression, value);
    }
    refused("1 IN ()", ")");
    refused("1 IN 1", "1");
    refused("1 IN (1", "");
    refused("1 IN (1,)", ")");
    refused("1 IN (1 2)", "2");
}

#[test]
fn a_set_is_evaluated_no_further_than_the_element_found() {
    gives("1 IN (1, missing)", true);
    fails("1 IN (missing, 1)", false, MissingAttribute, "missing");
    fails("missing IN (1)", false, MissingAttribute, "missing");
    fails("missing NOT IN (1)", false, MissingAttribute, "missing");
}
