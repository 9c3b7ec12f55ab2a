use std::ffi::OsString;

use super::*;
use crate::cli::{self, Command};

#[test]
fn filters_become_an_escaped_query() {
    let line = "heddle dead-letters list --trigger shop/echo --reason retries-exhausted --limit 5";
    let cli = cli::parse(line.split_whitespace().map(OsString::from)).expect("a valid line");
    let Command::DeadLetters(DeadLettersCommand::List(args)) = cli.command else {
        panic!("list")
    };
    assert_eq!(
        list_path(&args),
        "/api/v1/dead-letters?limit=5&trigger=shop%2Fecho&reason=retries-exhausted"
    );
}

#[test]
fn a_letter_is_shown_with_why_and_what() {
    let text = r#"{"id":"default.echo.1.7","reason":"refused","code":422,"message":"answered 422",
        "event":{"specversion":"1.0","id":"i","source":"/s","type":"t"}}"#;
    let letter = Document {
        text: text.to_owned(),
        value: serde_json::from_str(text).unwrap(),
    };
    let text = for_people(&letter).unwrap();
    for expected in ["refused", "422", "answered 422", "type", "(no data)"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
