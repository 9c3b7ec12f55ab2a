//! What a line of a batch is answered with.

use super::answer;

fn answered(line: &str) -> String {
    let answer = answer(line.as_bytes()).expect("a question");
    serde_json::to_string(&answer).expect("an answer is JSON")
}

#[test]
fn each_line_is_answered_with_a_value_and_an_error_or_null() {
    let event = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","hop":41,"flag":true}"#;
    let line = |expression: &str| format!(r#"{{"expression":"{expression}","event":{event}}}"#);
    assert_eq!(answered(&line("hop + 1")), r#"{"value":42,"error":null}"#);
    assert_eq!(
        answered(&line("flag AND type = 't'")),
        r#"{"value":true,"error":null}"#
    );
    assert_eq!(answered(&line("UPPER(type)")), r#"{"value":"T","error":null}"#);
    assert_eq!(
        answered(r#"{"expression":"1 + 1"}"#),
        r#"{"value":2,"error":null}"#
    );
    for (expression, expected) in [
        ("1 / 0", r#"{"value":0,"error":{"kind":"math","#),
        (
            "absent = 1",
            r#"{"value":false,"error":{"kind":"missingAttribute","#,
        ),
        ("INT('x')", r#"{"value":0,"error":{"kind":"cast","#),
        ("NOPE(1)", r#"{"value":false,"error":{"kind":"missingFunction","#),
        (
            "LEFT('abc', -2)",
            r#"{"value":"abc","error":{"kind":"functionEvaluation","#,
        ),
        ("1 +", r#"{"value":false,"error":{"kind":"parse","#),
    ] {
        let answer = answered(&line(expression));
        assert!(answer.starts_with(expected), "{expression}: {answer}");
    }
}

#[test]
fn a_line_that_asks_nothing_says_why() {
    for line in [
        "",
        "{}",
        r#"{"expression":"1","evnt":{}}"#,
        r#"{"expression":"1","event":{"id":"x"}}"#,
    ] {
        assert!(answer(line.as_bytes()).is_err(), "{line}");
    }
}
