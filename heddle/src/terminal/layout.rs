//! JSON laid out in lines without touching a value: key order and every digit stay as they came.

use serde::de::IgnoredAny;

const INDENT: &str = "  ";

/// The text with one member or element a line; `None` when it is not one JSON value.
pub(super) fn indented(text: &str) -> Option<String> {
    let _: IgnoredAny = serde_json::from_str(text).ok()?;
    let mut layout = Layout {
        out: String::with_capacity(text.len() * 2),
        depth: 0,
    };
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = layout.token(first, rest).trim_start();
    }
    Some(layout.out)
}

/// What has been laid out of a text that is known to be JSON.
struct Layout {
    out: String,
    depth: usize,
}

impl Layout {
    /// Lays out the token that `rest` begins with and answers what follows it.
    fn token<'a>(&mut self, first: char, rest: &'a str) -> &'a str {
        let after = &rest[first.len_utf8()..];
        match first {
            '"' => {
                let (literal, after) = rest.split_at(string_length(rest));
                self.out.push_str(literal);
                return after;
            }
            '{' | '[' => return self.open(first, after),
            '}' | ']' => {
                self.depth -= 1;
                self.break_line();
                self.out.push(first);
            }
            ',' => {
                self.out.push(first);
                self.break_line();
            }
            ':' => self.out.push_str(": "),
            other => self.out.push(other),
        }
        after
    }

    /// An object or array; an empty one stays on its line.
    fn open<'a>(&mut self, bracket: char, after: &'a str) -> &'a str {
        self.out.push(bracket);
        let inside = after.trim_start();
        if inside.starts_with(['}', ']']) {
            let (close, after) = inside.split_at(1);
            self.out.push_str(close);
            return after;
        }
        self.depth += 1;
        self.break_line();
        inside
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(INDENT, self.depth));
    }
}

/// Bytes of the string literal that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}
