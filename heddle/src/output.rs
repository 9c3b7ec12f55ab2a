//! What a client command prints: a table, JSON or YAML of the same document.

use std::fmt::Write as _;
use std::io::Write as _;

use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use crate::client::Document;
use crate::exit::{Exit, OrExit, Outcome};

/// One column: its heading and how its cell is read from an item.
pub(crate) struct Column {
    pub(crate) heading: &'static str,
    pub(crate) cell: fn(&Value) -> String,
}

/// Prints text on standard output. A reader that has gone away (`| head`) is no error.
///
/// # Errors
/// [`Exit::Io`] for every other failure to write.
pub(crate) fn print(text: &str) -> Outcome {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.or_exit(Exit::Io),
    }
}

/// The items as a table without lines, one row each.
pub(crate) fn table(columns: &[Column], items: &[Value]) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.heading));
    for item in items {
        table.add_row(columns.iter().map(|column| (column.cell)(item)));
    }
    let mut text = String::new();
    for line in table.lines() {
        // Writing to a String cannot fail. The style pads every cell by one space on both sides.
        let _ = writeln!(text, "{}", line.strip_prefix(' ').unwrap_or(&line).trim_end());
    }
    text
}

/// The document as JSON, indented; no value is touched.
pub(crate) fn json(document: &Document) -> String {
    let mut text = crate::terminal::json(&document.text).unwrap_or_else(|| document.text.clone());
    text.push('\n');
    text
}

/// YAML: what `kubectl -o yaml` would show.
pub(crate) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    write_yaml(&mut text, value, 0, false);
    text
}

/// A word as one segment of a path.
pub(crate) fn segment(text: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

/// A field as a cell: strings bare, `-` when it is not there.
pub(crate) fn cell(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => crate::terminal::visible(text, 200, false),
        Some(other) => other.to_string(),
    }
}

/// Block style for what has members, JSON (a subset of YAML) for all else, so that quoting needs no rules of its own.
/// With `in_line` the first line goes on where the text ends.
fn write_yaml(out: &mut String, value: &Value, depth: usize, in_line: bool) {
    let indent = |out: &mut String, is_first: bool| {
        if !(is_first && in_line) {
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    match value {
        Value::Object(members) => {
            for (index, (key, member)) in members.iter().enumerate() {
                indent(out, index == 0);
                out.push_str(&yaml_text(key));
                out.push(':');
                write_member(out, member, depth + 1);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                indent(out, index == 0);
                out.push('-');
                write_element(out, element, depth + 1);
            }
        }
        leaf => out.push_str(&yaml_leaf(leaf)),
    }
}

/// What stands behind `key:`.
fn write_member(out: &mut String, member: &Value, depth: usize) {
    if has_members(member) {
        out.push('\n');
        write_yaml(out, member, depth, false);
    } else {
        let _ = writeln!(out, " {}", yaml_leaf(member));
    }
}

/// What stands behind `-`.
fn write_element(out: &mut String, element: &Value, depth: usize) {
    if has_members(element) {
        out.push(' ');
        write_yaml(out, element, depth, true);
    } else {
        let _ = writeln!(out, " {}", yaml_leaf(element));
    }
}

fn has_members(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        _ => false,
    }
}

fn yaml_leaf(value: &Value) -> String {
    match value {
        Value::String(text) => yaml_text(text),
        other => other.to_string(),
    }
}

/// Bare when no reader of YAML 1.1 or 1.2 could take it for anything but this text; else quoted as JSON.
fn yaml_text(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if is_plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests;
