//! The YAML rules: positions, scalars, what is refused, and that every mistake is found.

use proptest::prelude::*;

use super::{Field, Findings, Node, Value, nearest, parse};

/// Parses and gives the documents and the problems as `line:column: severity: message`.
fn read(text: &str) -> (Vec<Node>, Vec<String>) {
    let findings = Findings::new("f.yaml");
    let documents = parse(text, &findings);
    (documents, shown(findings))
}

fn shown(findings: Findings) -> Vec<String> {
    let (problems, ..) = findings.finish();
    let show = |problem: &super::Problem| {
        let help = problem
            .help
            .as_ref()
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        format!("{}{help}", problem.to_string().trim_start_matches("f.yaml:"))
    };
    problems.iter().map(show).collect()
}

fn scalar(text: &str) -> Value {
    let (documents, problems) = read(&format!("key: {text}\n"));
    assert_eq!(problems, Vec::<String>::new(), "{text}");
    match &documents[0].value {
        Value::Map(entries) => entries[0].value.value.clone(),
        other => panic!("a mapping was expected, not {other:?}"),
    }
}

#[test]
fn every_key_and_value_knows_its_line_and_column() {
    let (documents, problems) = read("# comment\na:\n  bb: [x, \"y\"]\n  ü: 1\n---\n- q\n");
    assert!(problems.is_empty());
    let Value::Map(root) = &documents[0].value else {
        panic!()
    };
    let Value::Map(inner) = &root[0].value.value else {
        panic!()
    };
    let Value::List(items) = &inner[0].value.value else {
        panic!()
    };
    let at = |mark: super::Mark| (mark.line, mark.column);
    assert_eq!(at(root[0].key_start), (2, 1));
    assert_eq!(at(inner[0].key_start), (3, 3));
    assert_eq!(at(items[0].start), (3, 8));
    assert_eq!((at(items[1].start), at(items[1].end)), ((3, 11), (3, 14)));
    assert_eq!(
        (at(inner[1].key_start), at(inner[1].value.start)),
        ((4, 3), (4, 6)),
        "columns count characters"
    );
    let Value::List(items) = &documents[1].value else {
        panic!()
    };
    assert_eq!(at(items[0].start), (6, 3));
}

#[test]
fn scalars_follow_the_core_schema_of_yaml_1_2() {
    for text in [
        "no",
        "on",
        "yes",
        "off",
        "0o8",
        "1_000",
        "12:30",
        "0b1",
        "e5",
        ".",
        "1e",
        "2026-01-01",
    ] {
        assert_eq!(scalar(text), Value::Text(text.to_owned()), "{text}");
    }
    for text in [
        "0", "-1", "+7", "0o17", "0xFf", "1.5", ".5", "1.", "1e3", "1.5E-3", ".inf", "-.INF", ".nan",
    ] {
        assert_eq!(scalar(text), Value::Number(text.to_owned()), "{text}");
    }
    assert_eq!(scalar("true"), Value::Bool(true));
    assert_eq!(scalar("FALSE"), Value::Bool(false));
    for text in ["", "~", "null", "NULL"] {
        assert_eq!(scalar(text), Value::Null, "{text}");
    }
    assert_eq!(
        scalar("\"5\""),
        Value::Text("5".to_owned()),
        "what is quoted is a string"
    );
    assert_eq!(scalar("!!str 5"), Value::Text("5".to_owned()));
    assert_eq!(scalar("|\n  a\n  b\n"), Value::Text("a\nb\n".to_owned()));
}

#[test]
fn each_duplicate_key_is_reported_where_it_is_written() {
    let (documents, problems) = read("a: 1\nb: 2\na: 3\nc: {x: 1, x: 2}\n");
    assert_eq!(
        problems,
        [
            "3:1: error: \"a\" is written twice in one mapping, first on line 1 (keep one of the two)",
            "4:11: error: \"x\" is written twice in one mapping, first on line 4 (keep one of the two)",
        ]
    );
    assert_eq!(documents.len(), 1);
}

#[test]
fn a_syntax_error_costs_its_own_document_only() {
    let (documents, problems) = read("a: 1\n---\nb: [1\nc: 2\n---\nd: 3\n---\ne: \"x\n");
    assert_eq!(documents.len(), 2, "the first and the third");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].starts_with("4:") || problems[0].starts_with("3:"),
        "{}",
        problems[0]
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.contains("error: not valid YAML: ")),
        "{problems:?}"
    );
}

#[test]
fn what_is_no_plain_configuration_is_refused_by_name() {
    let check = |text: &str, expected: &str| assert_eq!(read(text).1, [expected], "{text}");
    check(
        "a: &x {b: 1}\nc:\n  <<: *x\n",
        "3:3: error: the merge key << is not part of YAML 1.2: write the fields out",
    );
    check(
        "? [a]\n: 1\n",
        "1:3: error: a key must be a plain word, not a list or a mapping",
    );
    check(": 1\n", "1:1: error: a key is missing before the colon");
    check(
        "a: !env X\n",
        "1:4: error: the tag !env is not known here (leave it out; only !!str, !!seq and !!map may stand)",
    );
    check(
        "a: &x [*x]\n",
        "1:8: error: an alias cannot stand inside the value that it names",
    );
}

#[test]
fn aliases_repeat_their_value() {
    let (documents, problems) = read("a: &x {b: 1}\nc: *x\nd: *x\n");
    assert!(problems.is_empty());
    let Value::Map(entries) = &documents[0].value else {
        panic!()
    };
    assert_eq!(entries[0].value, entries[1].value);
    assert_eq!(entries[0].value, entries[2].value);
}

#[test]
fn a_bomb_of_aliases_is_refused_before_it_is_expanded() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        text.push_str(&format!("a{level}: &a{level} [{before}*a{}]\n", level - 1));
    }
    let (documents, problems) = read(&text);
    assert!(documents.is_empty());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].ends_with("more than 1000000 values in one file, aliases expanded"),
        "{}",
        problems[0]
    );
}

#[test]
fn nesting_is_bounded_also_through_aliases() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(read(&deep).1, ["1:65: error: nested more than 64 levels deep"]);
    let half = format!(
        "a: &a {}{}\nb: {}*a{}\n",
        "[".repeat(40),
        "]".repeat(40),
        "[".repeat(40),
        "]".repeat(40)
    );
    assert!(read(&half).1[0].ends_with("nested more than 64 levels deep"));
}

#[test]
fn empty_documents_and_a_byte_order_mark_are_nothing() {
    assert_eq!(read("").0.len(), 0);
    assert_eq!(read("# only a comment\n---\n---\n").0.len(), 0);
    let (documents, problems) = read("\u{feff}a: 1\n");
    assert_eq!((documents.len(), problems.len()), (1, 0));
}

#[test]
fn a_reader_reports_all_mistakes_and_the_nearest_names() {
    let text = "\
spec:
  retry: three
  retyr: 3
  zzz: 1
  list: {a: b}
  flag: yes
  name: 5
  range: 11
  choice: linaer
  empty: ''
";
    let findings = Findings::new("f.yaml");
    let documents = parse(text, &findings);
    Field::root(&documents[0], &findings).map(|root| {
        root.field("spec").map(|spec| {
            spec.field("retry").integer(0..=10);
            spec.field("list").list(|item| item.string());
            spec.field("flag").boolean();
            spec.field("name").string();
            spec.field("range").integer(0..=10);
            spec.field("choice").one_of(&[("linear", 1), ("exponential", 2)]);
            spec.field("empty").text();
            spec.field("broker").required().string();
            Some(())
        });
        let _ = root.field("metadata").required();
        Some(())
    });
    assert_eq!(
        shown(findings),
        [
            "1:1: error: missing required field \"broker\" in spec",
            "1:1: error: missing required field \"metadata\" in the document",
            "2:10: error: spec.retry must be an integer, not a string",
            "3:3: error: unknown field \"retyr\" in spec (did you mean \"retry\"?)",
            "4:3: error: unknown field \"zzz\" in spec (spec may have: broker, choice, empty, flag, list, name, range, retry)",
            "5:9: error: spec.list must be a list, not a mapping",
            "6:9: error: spec.flag must be true or false, not a string",
            "7:9: error: spec.name must be a string, not a number (put it in quotes: \"5\")",
            "8:10: error: spec.range must be an integer from 0 to 10, not 11",
            "9:11: error: spec.choice cannot be \"linaer\" (did you mean \"linear\"?)",
            "10:10: error: spec.empty must not be empty",
        ]
    );
}

#[test]
fn null_is_absent_as_for_kubectl() {
    let findings = Findings::new("f.yaml");
    let documents = parse("labels:\nlist: ~\nspec: null\nname: null\n", &findings);
    Field::root(&documents[0], &findings).map(|root| {
        assert_eq!(
            root.field("labels").entries().map(|entries| entries.len()),
            Some(0)
        );
        assert_eq!(root.field("list").list(|item| item.string()).len(), 0);
        assert!(root.field("spec").map(|_| Some(())).is_none());
        let _ = root.field("name").required();
        Some(())
    });
    assert_eq!(
        shown(findings),
        ["4:1: error: missing required field \"name\" in the document"]
    );
}

#[test]
fn secret_text_is_in_no_message_and_its_place_is_masked() {
    let findings = Findings::new("f.yaml");
    let documents = parse("password: 12345\n", &findings);
    Field::root(&documents[0], &findings).map(|root| root.field("password").secret().string());
    let (problems, masked, _) = findings.finish();
    assert_eq!(
        problems[0].to_string(),
        "f.yaml:1:11: error: password must be a string, not a number"
    );
    assert_eq!(problems[0].help.as_deref(), Some("put it in quotes"));
    assert_eq!((masked[0].start.column, masked[0].end.column), (11, 16));
}

#[test]
fn the_nearest_name_is_near() {
    let names = ["retry", "timeout", "backoffPolicy", "CACerts"];
    for (word, expected) in [
        ("retyr", Some("retry")),
        ("Retry", Some("retry")),
        ("backoffpolicy", Some("backoffPolicy")),
        ("backofPolice", Some("backoffPolicy")),
        ("caCerts", Some("CACerts")),
        ("time", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(nearest(word, &names), expected, "{word}");
    }
    assert_eq!(nearest(&"x".repeat(10_000), &names), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_parser_panic_or_lose_its_place(text in "(?s)[ -~\n\t\u{e9}\u{1f600}\r]{0,80}|[-?:,\\[\\]{}#&*!|>'\"%@ a1\n]{0,60}") {
        let (_, problems) = read(&text);
        let lines = text.matches(['\n', '\r']).count() + 2; // The end of the file may count as a line of its own.
        for problem in problems {
            let line: usize = problem.split(':').next().and_then(|line| line.parse().ok()).expect("it begins with its line");
            prop_assert!((1..=lines).contains(&line), "{problem}");
        }
    }
}
