//! Properties of the parser: what it makes prints back to itself, and no input makes it panic.

use proptest::prelude::*;

use super::parse;
use crate::ast::{Node, NodeKind};
use crate::span::Span;
use crate::testing::tree;

/// Words and symbols in no order, which come further into the grammar than arbitrary text.
fn soup() -> impl Strategy<Value = String> {
    let token = prop::sample::select(&[
        "a", "type", "LENGTH", "LEFT", "(", "(", ")", ")", ",", "+", "-", "*", "/", "%", "=", "!=", "<>",
        "<", "<=", ">", ">=", "AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "false", "1", "-2",
        "'x'", "\"y%\"", "'", "\\",
    ]);
    prop::collection::vec((token, prop::sample::select(&["", " "])), 0..20).prop_map(|tokens| {
        tokens
            .into_iter()
            .map(|(token, space)| format!("{token}{space}"))
            .collect()
    })
}

/// Every node of `tree`.
fn nodes(tree: &Node) -> Vec<&Node> {
    let below: Vec<&Node> = match &tree.kind {
        NodeKind::Literal(_) | NodeKind::Attribute(_) | NodeKind::Exists(_) => vec![],
        NodeKind::Unary { operand, .. } | NodeKind::Like { operand, .. } => vec![operand],
        NodeKind::Binary { left, right, .. } => vec![left, right],
        NodeKind::Logical { operands, .. } => operands.iter().collect(),
        NodeKind::In { operand, set, .. } => std::iter::once(&**operand).chain(set).collect(),
        NodeKind::Call { arguments, .. } => arguments.iter().collect(),
    };
    below.into_iter().flat_map(nodes).chain([tree]).collect()
}

/// What must hold for everything that parses: it prints to an expression of the same meaning without warnings, and
/// each node's span is an expression of the same meaning by itself.
fn check(source: &str) -> Result<(), TestCaseError> {
    let Ok((tree, _)) = parse(source) else {
        return Ok(());
    };
    let printed = tree.to_string();
    let (again, warnings) =
        parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
    prop_assert_eq!(&again, &tree, "{} printed as {}", source, printed);
    prop_assert!(warnings.is_empty(), "{}: {:?}", printed, warnings);
    for node in nodes(&tree) {
        let text = node.span.text(source);
        let (alone, _) = parse(text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(&alone, node, "{} in {}", text, source);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_tree_prints_as_an_expression_that_parses_to_it(tree in tree()) {
        let printed = tree.to_string();
        let (parsed, warnings) = parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!(&parsed, &tree, "{}", printed);
        prop_assert!(warnings.is_empty(), "{}: {:?}", printed, warnings);
        check(&printed)?;
    }

    #[test]
    fn no_text_makes_it_panic(source in any::<String>()) {
        check(&source)?;
    }

    #[test]
    fn no_sequence_of_tokens_makes_it_panic(source in soup()) {
        check(&source)?;
    }

    #[test]
    fn an_error_stands_within_the_text(source in soup()) {
        if let Err(error) = parse(&source) {
            let Span { start, end } = error.span;
            prop_assert!(source.get(start..end).is_some(), "{}: {}", source, error);
        }
    }

    #[test]
    fn cutting_an_expression_anywhere_makes_no_panic(tree in tree(), at in any::<prop::sample::Index>()) {
        let printed = tree.to_string();
        let at = at.index(printed.len() + 1);
        check(printed.get(at..).unwrap_or_default())?;
        check(printed.get(..at).unwrap_or_default())?;
    }
}

#[test]
fn text_after_an_odd_backslash_is_printed_in_the_other_quote() {
    for source in [r#""\'""#, r#"'\"'"#, r#"'\\\'"'"#, r#"a LIKE "\'%""#] {
        check(source).unwrap();
    }
}

#[test]
fn an_expression_is_printed_in_canonical_form() {
    for (source, printed) in [
        ("subject  like \"x\"", "subject LIKE 'x'"),
        ("NOT TYPE = 'a'", "(NOT type) = 'a'"),
        ("a and b or c", "a AND (b OR c)"),
        ("((1+2))*3", "(1 + 2) * 3"),
        ("1+(2*3)", "1 + 2 * 3"),
        ("a-(b-c)", "a - (b - c)"),
        ("left( A , +1 )", "LEFT(a, 1)"),
        ("- 1", "-(1)"),
        ("a<>b", "a != b"),
        ("NOT (a IN (1,TRUE))", "NOT (a IN (1, true))"),
    ] {
        assert_eq!(parse(source).unwrap().0.to_string(), printed);
    }
}
