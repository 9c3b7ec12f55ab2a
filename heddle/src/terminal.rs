//! Text for a terminal: control characters made visible, long values cut, an event laid out for people.

mod layout;

use std::fmt::Write;
use std::time::Duration;

use schemas::event::{DataForm, Event};

use crate::limits;

/// Lays an event out in lines: `heading`, its attributes, then its data. Ends with a line break.
pub(crate) fn event(heading: &str, event: &Event) -> String {
    let mut text = String::with_capacity(512);
    let attributes: Vec<_> = event.attributes().collect();
    let width = attributes
        .iter()
        .map(|attribute| attribute.name.len())
        .max()
        .unwrap_or_default();
    text.push_str(heading);
    text.push('\n');
    for attribute in attributes {
        let value = visible(attribute.value, limits::PRINT_VALUE_BYTES_MAX, false);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:width$}  {value}", attribute.name);
    }
    for line in data(event).lines() {
        let _ = writeln!(text, "  | {line}");
    }
    text
}

/// The text with control characters escaped (line breaks and tabs are kept when `lines`), at most about
/// `bytes_max` bytes of it, followed by how much was left out.
pub(crate) fn visible(text: &str, bytes_max: usize, lines: bool) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = String::with_capacity(end);
    for character in text[..end].chars() {
        match character {
            '\n' | '\t' if lines => out.push(character),
            _ if is_unsafe(character) => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    if end < text.len() {
        let _ = write!(out, "... ({} more bytes)", text.len() - end);
    }
    out
}

/// One JSON value with a member or element a line, its values as they came; `None` when the text is something else.
pub(crate) fn json(text: &str) -> Option<String> {
    layout::indented(text)
}

/// A duration as a person reads it: whole milliseconds up to ten seconds, then seconds; `<1 ms` below one.
pub(crate) fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "<1 ms".to_owned(),
        millis @ 1..10_000 => format!("{millis} ms"),
        _ => format!("{} s", duration.as_secs()),
    }
}

/// Control characters, and those that change the direction of text or hide.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn data(event: &Event) -> String {
    let Some(data) = event.data().filter(|data| !data.is_empty()) else {
        return "(no data)".to_owned();
    };
    let Ok(text) = std::str::from_utf8(data) else {
        return format!("({} bytes that are not text)", data.len());
    };
    let is_json = event.data_form() == DataForm::Json || event.data_content_type().is_some_and(is_json);
    if is_json
        && data.len() <= limits::PRINT_DATA_BYTES_MAX
        && let Some(pretty) = json(text)
    {
        return visible(&pretty, limits::PRINT_DATA_BYTES_MAX, true);
    }
    visible(text, limits::PRINT_DATA_BYTES_MAX, true)
}

/// Whether a content type is JSON: `application/json`, `text/json` or any `+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

#[cfg(test)]
mod tests;
