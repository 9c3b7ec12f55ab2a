//! CloudEvents SQL through `heddle sql`: the specification's rules as questions, asked in one batch and one by one.

use harness::{Cli, Resources, Trigger};
use serde_json::{Value, json};

/// A rule and what shows it: an expression, its value as JSON, and the kind of its error, if it has one.
type Rule = (
    &'static str,
    &'static [(&'static str, &'static str, &'static str)],
);

const RULES: &[Rule] = &[
    (
        "literals; keywords in any case",
        &[
            ("true", "true", ""),
            ("FaLsE", "false", ""),
            ("-7", "-7", ""),
            ("+7", "7", ""),
            ("2147483647", "2147483647", ""),
            ("-2147483648", "-2147483648", ""),
            ("2147483648", "false", "parse"),
            (r"'it\'s'", r#""it's""#, ""),
            (r#""say \"a\"""#, r#""say \"a\"""#, ""),
            (r#"'say "a"'"#, r#""say \"a\"""#, ""),
            ("'open", "false", "parse"),
            ("Type lIkE 'order%' aNd not eXists nope", "true", ""),
        ],
    ),
    (
        "unary operators",
        &[
            ("-priority", "-5", ""),
            ("- -5", "5", ""),
            ("-hop", "-41", ""),
            ("NOT urgent", "false", ""),
            ("NOT NOT urgent", "true", ""),
            ("NOT 'FALSE'", "true", ""),
            ("NOT 0", "true", ""),
            ("NOT type", "false", "cast"),
            ("- (-2147483648)", "0", "math"),
        ],
    ),
    (
        "arithmetic of 32 bits",
        &[
            ("7 / 2", "3", ""),
            ("-7 / 2", "-3", ""),
            ("7 % -3", "1", ""),
            ("-7 % 3", "-1", ""),
            ("4 -1", "3", ""),
            ("hop + 1", "42", ""),
            ("hop * '2'", "82", ""),
            ("urgent + 1", "2", ""),
            ("type + 1", "0", "cast"),
            ("1 / 0", "0", "math"),
            ("1 % 0", "0", "math"),
            ("2147483647 + 1", "0", "math"),
            ("-2147483648 - 1", "0", "math"),
            ("65536 * 65536", "0", "math"),
            ("-2147483648 / -1", "0", "math"),
        ],
    ),
    (
        "order is that of numbers",
        &[
            ("5 < 10", "true", ""),
            ("'5' < '10'", "true", ""),
            ("priority >= '5'", "true", ""),
            ("hop <= 40", "false", ""),
            ("hop > 40", "true", ""),
            ("type < 1", "false", "cast"),
        ],
    ),
    (
        "the right operand of equality decides the type",
        &[
            ("'TRUE' = true", "true", ""),
            ("true = 'TRUE'", "false", ""),
            ("5 = '5'", "true", ""),
            ("'05' = 5", "true", ""),
            ("'05' = '5'", "false", ""),
            ("1 = true", "true", ""),
            ("true = 1", "true", ""),
            ("priority != 5", "false", ""),
            ("priority <> 6", "true", ""),
            ("type = 5", "false", "cast"),
            ("type != 5", "false", "cast"),
        ],
    ),
    (
        "logic stops as soon as it knows",
        &[
            ("true AND true", "true", ""),
            ("true AND false", "false", ""),
            ("false OR true", "true", ""),
            ("false OR false", "false", ""),
            ("true XOR true", "false", ""),
            ("true XOR false", "true", ""),
            ("'true' AND 1", "true", ""),
            ("type AND true", "false", "cast"),
            ("false AND (1 / 0 = 0)", "false", ""),
            ("true OR (1 / 0 = 0)", "true", ""),
            ("true AND (1 / 0 = 0)", "false", "math"),
            ("false XOR (1 / 0 = 0)", "false", "math"),
        ],
    ),
    (
        "precedence, and one level of logic read from the right",
        &[
            ("1 + 2 * 3", "7", ""),
            ("(1 + 2) * 3", "9", ""),
            ("10 - 4 - 3", "3", ""),
            ("24 / 4 / 3", "2", ""),
            ("1 / 0 IN (0)", "1", ""),
            ("2 + 3 < 6", "true", ""),
            ("1 < 2 AND 2 < 3", "true", ""),
            ("NOT urgent = false", "true", ""),
            ("NOT type = 'x'", "false", "cast"),
            ("NOT (type = 'x')", "true", ""),
            ("true OR true AND false", "true", ""),
            ("false AND true OR true", "false", ""),
            ("(false AND true) OR true", "true", ""),
        ],
    ),
    (
        "LIKE",
        &[
            ("type LIKE 'order.%'", "true", ""),
            ("type LIKE 'order_placed'", "true", ""),
            ("type LIKE '%placed%'", "true", ""),
            ("type LIKE 'order'", "false", ""),
            ("type LIKE 'ORDER%'", "false", ""),
            ("type NOT LIKE 'x%'", "true", ""),
            (r"discount LIKE '50\%\_off'", "true", ""),
            (r"discount LIKE '5\%\_off'", "false", ""),
            (r"type LIKE 'order\_placed'", "false", ""),
            ("priority LIKE '5'", "true", ""),
            ("urgent LIKE 't%'", "true", ""),
            ("'' LIKE ''", "true", ""),
            ("'' LIKE '%'", "true", ""),
            ("'' LIKE '_'", "false", ""),
            ("word LIKE 'Gr__e _'", "true", ""),
            ("type LIKE subject", "false", "parse"),
        ],
    ),
    (
        "EXISTS",
        &[
            ("EXISTS subject", "true", ""),
            ("exists SUBJECT", "true", ""),
            ("EXISTS specversion", "true", ""),
            ("EXISTS nothing", "false", ""),
            ("NOT EXISTS nothing", "true", ""),
            ("EXISTS id AND EXISTS source", "true", ""),
            ("EXISTS 'id'", "false", "parse"),
        ],
    ),
    (
        "IN: what is looked for decides the type",
        &[
            ("priority IN (1, '5')", "true", ""),
            ("'5' IN (5)", "true", ""),
            ("'TRUE' IN (true)", "false", ""),
            ("urgent IN ('TRUE')", "true", ""),
            ("type IN ('a', type)", "true", ""),
            ("priority IN (2 + 3)", "true", ""),
            ("type NOT IN ('a', 'b')", "true", ""),
            ("1 IN (1, 'x')", "true", ""),
            ("1 IN ('x', 1)", "false", "cast"),
            ("1 IN ()", "false", "parse"),
        ],
    ),
    (
        "a missing attribute gives the zero of what encloses it",
        &[
            ("nothing", "false", "missingAttribute"),
            ("nothing = 2", "false", "missingAttribute"),
            ("nothing != 2", "false", "missingAttribute"),
            ("nothing < 2", "false", "missingAttribute"),
            ("1 / nothing", "0", "missingAttribute"),
            ("-nothing", "0", "missingAttribute"),
            ("NOT nothing", "false", "missingAttribute"),
            ("nothing LIKE 'a'", "false", "missingAttribute"),
            ("nothing NOT LIKE 'a'", "false", "missingAttribute"),
            ("nothing IN (1)", "false", "missingAttribute"),
            ("1 IN (nothing)", "false", "missingAttribute"),
            ("true AND nothing", "false", "missingAttribute"),
            ("true OR nothing", "true", ""),
            ("LENGTH(nothing)", "0", "missingAttribute"),
            ("CONCAT(nothing, 'a')", "\"\"", "missingAttribute"),
            ("STRING(nothing)", "\"\"", "missingAttribute"),
            ("INT(nothing)", "0", "missingAttribute"),
            ("BOOL(nothing)", "false", "missingAttribute"),
        ],
    ),
    (
        "casts",
        &[
            ("INT('-12')", "-12", ""),
            ("INT('+7')", "7", ""),
            ("INT(true)", "1", ""),
            ("INT('2147483648')", "0", "cast"),
            ("INT('0x1')", "0", "cast"),
            ("INT(' 1')", "0", "cast"),
            ("BOOL('TRUE')", "true", ""),
            ("BOOL(-3)", "true", ""),
            ("BOOL(0)", "false", ""),
            ("BOOL('1')", "false", "cast"),
            ("STRING(-5)", "\"-5\"", ""),
            ("STRING(true)", "\"true\"", ""),
        ],
    ),
    (
        "functions",
        &[
            ("LENGTH('Grüße')", "5", ""),
            ("LENGTH(word)", "7", ""),
            ("length(123)", "3", ""),
            ("CONCAT()", "\"\"", ""),
            ("CONCAT('a', 1, true)", "\"a1true\"", ""),
            ("CONCAT_WS(',', 'a', 'b')", "\"a,b\"", ""),
            ("CONCAT_WS(',')", "\"\"", ""),
            ("LOWER('ÄB')", "\"äb\"", ""),
            ("UPPER('äb')", "\"ÄB\"", ""),
            ("TRIM('\t a b ')", "\"a b\"", ""),
            ("LEFT('abc', 2)", "\"ab\"", ""),
            ("LEFT('abc', 10)", "\"abc\"", ""),
            ("LEFT('abc', -2)", "\"abc\"", "functionEvaluation"),
            ("RIGHT('abc', 2)", "\"bc\"", ""),
            ("RIGHT('abc', -1)", "\"abc\"", "functionEvaluation"),
            ("SUBSTRING('abcdef', 2)", "\"bcdef\"", ""),
            ("SUBSTRING('abcdef', -2)", "\"ef\"", ""),
            ("SUBSTRING('abcdef', 2, 3)", "\"bcd\"", ""),
            ("SUBSTRING('abc', 9)", "\"\"", "functionEvaluation"),
            ("SUBSTRING('abc', 1, -1)", "\"\"", "functionEvaluation"),
            ("ABS('-5')", "5", ""),
            ("ABS(-2147483648)", "2147483647", "math"),
            ("NOPE(1)", "false", "missingFunction"),
            ("LENGTH()", "false", "missingFunction"),
            ("LENGTH('a', 'b')", "false", "missingFunction"),
        ],
    ),
    (
        "an error goes through everything around it, which gives its own zero",
        &[
            ("true AND (1 != 1 / 0)", "false", "math"),
            ("(1 / 0) + 5", "0", "math"),
            ("CONCAT('a', 1 / 0)", "\"\"", "math"),
            ("LEFT('abc', -2) = 'abc'", "false", "functionEvaluation"),
            ("NOT NOPE(1)", "false", "missingFunction"),
            ("(1 / 0) IN (0)", "false", "math"),
        ],
    ),
    (
        "what is no expression",
        &[
            ("", "false", "parse"),
            ("1 +", "false", "parse"),
            ("(1", "false", "parse"),
            ("1 2", "false", "parse"),
            ("AND true", "false", "parse"),
            ("Größe = 1", "false", "parse"),
        ],
    ),
];

fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "1", "source": "/shop/eu", "type": "order.placed", "subject": "eu-1234",
        "hop": "41", "priority": 5, "urgent": true, "word": "Grüße 😀", "discount": "50%_off",
    })
}

async fn sql(arguments: &[&str], input: &str) -> Cli {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Cli::run_in(folder.path(), arguments, input.as_bytes()).await
}

#[tokio::test]
async fn every_rule_of_the_language_holds_in_a_batch() {
    let rows: Vec<_> = RULES
        .iter()
        .flat_map(|(rule, rows)| rows.iter().map(move |row| (rule, row)))
        .collect();
    let question = |expression: &str| format!("{}\n", json!({"expression": expression, "event": event()}));
    let questions: String = rows.iter().map(|(_, row)| question(row.0)).collect();
    let cli = sql(&["sql", "--batch", "-"], &questions).await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    let answers: Vec<&str> = cli.stdout.lines().collect();
    assert_eq!(answers.len(), rows.len(), "an answer a line: {cli:?}");
    let mut wrong = Vec::new();
    for ((rule, (expression, value, kind)), answer) in rows.iter().zip(answers) {
        let answer: Value = serde_json::from_str(answer).expect("an answer is JSON");
        let expected: Value = serde_json::from_str(value).expect("the table is JSON");
        let found = answer["error"]["kind"].as_str().unwrap_or_default();
        if answer["value"] != expected || found != *kind {
            wrong.push(format!("{rule}: {expression} is {answer}, not {value} {kind}"));
        }
        if let Some(at) = answer["error"]["at"].as_array() {
            let (from, to) = (at[0].as_u64(), at[1].as_u64());
            assert!(
                from <= to && to <= Some(expression.len() as u64),
                "{expression}: {answer}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn one_expression_is_answered_as_in_a_batch_and_a_bad_line_has_an_answer_of_its_own() {
    let one = sql(&["sql", "hop + 1", "--event", "-"], &event().to_string()).await;
    assert_eq!(one.stdout, "{\"value\":42,\"error\":null}\n", "{one:?}");
    let without = sql(&["sql", "subject"], "").await;
    let error = &without.json()["error"];
    assert_eq!(
        (&error["kind"], &error["at"]),
        (&json!("missingAttribute"), &json!([0, 7]))
    );
    let lines = format!(
        "{}\nnot JSON\n{}\n",
        json!({"expression": "1"}),
        json!({"expression": "2"})
    );
    let cli = sql(&["sql", "--batch", "-"], &lines).await;
    let answers: Vec<Value> = cli
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        (&answers[0]["value"], &answers[2]["value"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(answers[1]["error"]["kind"], "generic", "{cli:?}");
}

/// A filter that is easily misread is accepted, and read aloud.
#[tokio::test]
async fn validate_warns_of_logic_that_is_mixed_without_parentheses() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trigger = |expression: &str| {
        Resources::with_default_broker()
            .trigger(Trigger::new("t", "http://127.0.0.1:1/").filters(json!([{"cesql": expression}])))
    };
    for (expression, warning) in [
        (
            "EXISTS a AND EXISTS b OR EXISTS c",
            Some("AND and OR are mixed without parentheses"),
        ),
        (
            "EXISTS a XOR EXISTS b AND EXISTS c",
            Some("XOR and AND are mixed without parentheses"),
        ),
        ("NOT type = 'a'", Some("NOT")),
        ("EXISTS a AND (EXISTS b OR EXISTS c)", None),
        ("EXISTS a AND EXISTS b AND EXISTS c", None),
    ] {
        trigger(expression).write(folder.path());
        let cli = Cli::run_in(folder.path(), &["validate", "mesh.yaml"], b"").await;
        assert_eq!(cli.code, Some(0), "{cli:?}");
        let words = format!("{}{}", cli.stdout, cli.stderr);
        match warning {
            Some(warning) => assert!(words.contains("warning: ") && words.contains(warning), "{words}"),
            None => assert!(!words.contains("warning: "), "{words}"),
        }
    }
}
