//! A file's text -> its documents, going on behind syntax errors.

use saphyr_parser::ScanError;

use super::node::{Mark, Node};
use super::problem::{Findings, Problem};
use super::tree::{Builder, Stop};

/// Reads all documents of a file. Empty documents are left out.
///
/// Every problem goes to `findings`; a document with a syntax error is left out, one with duplicate keys keeps the first of each.
pub fn parse(text: &str, findings: &Findings) -> Vec<Node> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let mut builder = Builder::new(findings);
    while let Err(Stop::Syntax(error)) = builder.read(rest, &mut documents) {
        report(&error, rest, builder.lines_before, findings);
        let Some(next) = next_document(rest, error.marker().index()) else {
            break;
        };
        builder.lines_before += line_breaks(&rest[..next]);
        rest = &rest[next..];
    }
    documents
}

/// Reports a syntax error in `text`, which stands behind so many lines of the file.
fn report(error: &ScanError, text: &str, lines_before: usize, findings: &Findings) {
    let (mut line, mut column) = (error.marker().line(), error.marker().col() + 1);
    let line_last = line_breaks(text) + 1;
    if line > line_last {
        // What is missing at the end of the file is reported there, not behind it.
        line = line_last;
        column = text
            .rsplit(['\n', '\r'])
            .next()
            .map_or(0, |last| last.chars().count())
            + 1;
    }
    let at = Mark {
        line: line + lines_before,
        column,
    };
    let suspicious = line_at(text, line).and_then(|content| suspicious_value(&content, text));
    if let Some(column) = suspicious {
        findings.mask(
            Mark {
                line: at.line,
                column,
            },
            Mark {
                line: at.line + 1,
                column: 1,
            },
        );
    }
    findings.add(Problem::error(
        &findings.place(at, ""),
        format!("not valid YAML: {}", error.info()),
    ));
}

/// The column behind the first colon of a line that cannot be read, when the line may hold a secret: by its words, or because it
/// is in a file of Secrets.
fn suspicious_value(content: &str, text: &str) -> Option<usize> {
    const SUSPICIOUS: &[&str] = &["pass", "secret", "token", "credential", "authorization", "key"];
    let lower = content.to_lowercase();
    let suspicious = text.contains("kind: Secret") || SUSPICIOUS.iter().any(|word| lower.contains(word));
    let colon = content.find(':').filter(|_| suspicious)?;
    Some(content[..colon].chars().count() + 2)
}

/// The line of this number, from 1.
fn line_at(text: &str, line: usize) -> Option<String> {
    text.replace("\r\n", "\n")
        .split(['\n', '\r'])
        .nth(line.saturating_sub(1))
        .map(str::to_owned)
}

/// The byte offset of the first line behind the character `after` that begins a document with `---`.
fn next_document(text: &str, after: usize) -> Option<usize> {
    let start = text.char_indices().nth(after).map(|(offset, _)| offset)?;
    let markers = text[start..]
        .match_indices("---")
        .map(|(offset, _)| start + offset);
    let begins_document = |offset: &usize| {
        let behind = text[offset + 3..].chars().next();
        text[..*offset].ends_with(['\n', '\r']) && behind.is_none_or(|char| " \t\r\n".contains(char))
    };
    markers.into_iter().find(begins_document)
}

/// How many lines the text ends, as YAML counts them: `\r`, `\n` and `\r\n` each end one.
fn line_breaks(text: &str) -> usize {
    text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count()
}
