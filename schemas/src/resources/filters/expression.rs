//! The dialect `cesql`: an expression that parses and calls only functions that there are.

use cesql::{Functions, ParseError, Span, Type, WarningKind};

use super::{WrittenFilter, leaf};
use crate::filter::{Filter, Sql};
use crate::yaml::{Field, Problem, Severity, nearest};

/// Characters of a line that is shown to point into it.
const SHOWN_CHARS_MAX: usize = 160;

/// The value of `cesql`. What is easily misread draws a warning, and so does what is never true.
///
/// To call a function that does not exist is an error here, though the specification leaves it to the evaluation (CESQL
/// section 3.4): nobody can add a function to a running Heddle, so that the filter would never let an event pass.
pub(super) fn decode(field: &Field<'_>) -> Option<WrittenFilter> {
    let text = field.text()?;
    let path = field.path();
    let sql = match Sql::try_from(text.value.clone()) {
        Ok(sql) => sql,
        Err(ParseError { reason, span }) => {
            let bytes = if span.start == span.end { "byte" } else { "bytes" };
            let message = match span.start == span.end {
                true => format!(
                    "{path} is no valid expression: {reason} (at {bytes} {})",
                    span.start
                ),
                false => format!("{path} is no valid expression: {reason} (at {bytes} {span})"),
            };
            tell(field, &text.value, span, Severity::Error, message, None);
            return None;
        }
    };
    for warning in sql.warnings() {
        let (severity, help) = match warning.kind {
            WarningKind::MissingFunction => (
                Severity::Error,
                Some(like_function(warning.span.text(&text.value))),
            ),
            _ => (Severity::Warning, None),
        };
        let message = format!("{path}: {warning}");
        tell(field, &text.value, warning.span, severity, message, help);
    }
    if let Some(ty @ (Type::String | Type::Integer)) = sql.value_type() {
        let message = format!(
            "{path} lets no event pass: its value is of the type {ty}, and only the Boolean true lets one pass"
        );
        field.findings().add(
            Problem::warning(&text.place, message)
                .with_help("compare the value with something, such as LENGTH(id) > 3"),
        );
    }
    let is_usable = sql
        .warnings()
        .iter()
        .all(|warning| warning.kind != WarningKind::MissingFunction);
    is_usable.then(|| leaf(Filter::Cesql(sql), text.place))
}

/// Adds a problem at the bytes `span` of the expression; where the file does not show them as they are, they are shown.
fn tell(
    field: &Field<'_>,
    text: &str,
    span: Span,
    severity: Severity,
    message: String,
    help: Option<String>,
) {
    let exact = field.place_within(span.start);
    let shown = if exact.is_none() {
        excerpt(text, span.start)
    } else {
        None
    };
    let place = exact.unwrap_or_else(|| field.place());
    let problem = match severity {
        Severity::Error => Problem::error(&place, message),
        _ => Problem::warning(&place, message),
    };
    let help = [help, shown].into_iter().flatten().collect::<Vec<_>>().join("\n");
    field.findings().add(if help.is_empty() {
        problem
    } else {
        problem.with_help(help)
    });
}

/// The line of the expression that has the byte, and a caret below it.
fn excerpt(text: &str, at: usize) -> Option<String> {
    let (before, after) = (text.get(..at)?, text.get(at..)?);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let end = at + after.find('\n').unwrap_or(after.len());
    let line = text.get(start..end)?;
    let column = text.get(start..at)?.chars().count();
    (line.chars().count() <= SHOWN_CHARS_MAX)
        .then(|| format!("in the expression, here:\n{line}\n{}^", " ".repeat(column)))
}

/// What may have been meant by a call that no function takes.
fn like_function(call: &str) -> String {
    let functions = Functions::new();
    let mut names: Vec<_> = functions.names().collect();
    names.dedup();
    let name = call.split('(').next().unwrap_or_default().trim();
    match nearest(name, &names) {
        Some(same) if same.eq_ignore_ascii_case(name) => format!("{same} takes another number of arguments"),
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", names.join(", ")),
    }
}
