//! NOT, AND, OR and XOR.

use cesql::ErrorKind::{Math, MissingAttribute};

use crate::{fails, gives};

#[test]
fn truth_tables() {
    for (expression, value) in [
        ("NOT true", false),
        ("NOT false", true),
        ("NOT NOT true", true),
        ("true AND true", true),
        ("true AND false", false),
        ("false AND true", false),
        ("false AND false", false),
        ("true OR true", true),
        ("true OR false", true),
        ("false OR true", true),
        ("false OR false", false),
        ("true XOR true", false),
        ("true XOR false", true),
        ("false XOR true", true),
        ("false XOR false", false),
        ("true XOR true XOR true", true),
        ("true and not false", true),
        ("TRUE Or FALSE", true),
    ] {
        gives(expression, value);
    }
}

#[test]
fn and_stops_at_the_first_false() {
    gives("false AND missing", false);
    gives("false AND 1 / 0 = 1", false);
    gives("true AND false AND missing", false);
    fails("true AND missing", false, MissingAttribute, "missing");
    fails("missing AND false", false, MissingAttribute, "missing");
}

#[test]
fn or_stops_at_the_first_true() {
    gives("true OR missing", true);
    gives("true OR 1 / 0 = 1", true);
    gives("false OR true OR missing", true);
    fails("false OR missing", false, MissingAttribute, "missing");
    fails("missing OR true", false, MissingAttribute, "missing");
}

#[test]
fn xor_needs_all_operands() {
    fails("true XOR missing", false, MissingAttribute, "missing");
    fails("missing XOR true", false, MissingAttribute, "missing");
    fails("true XOR 1 / 0", false, Math, "1 / 0");
}

#[test]
fn a_thousand_conditions_are_one_level_deep() {
    let expression = vec!["type = 'x'"; 1000].join(" OR ") + " OR type = 'order.placed'";
    gives(&expression, true);
}
