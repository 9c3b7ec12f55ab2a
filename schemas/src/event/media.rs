//! Media types: the syntax of `datacontenttype` (RFC 2046 and RFC 2045 section 5.1, with RFC 9110's empty parameters).

/// Whether `text` is `type/subtype` with well-formed parameters. Blanks at its end would not survive a message's header.
pub(crate) fn is_media_type(text: &str) -> bool {
    if text == "application/json" {
        return true;
    }
    if text.ends_with([' ', '\t']) {
        return false;
    }
    let (essence, mut rest) = split_essence(text);
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    if !is_token(kind) || !is_token(subtype) {
        return false;
    }
    while let Some(parameters) = rest.strip_prefix(';') {
        match skip_parameter(trim_start(parameters)) {
            Some(after) => rest = trim_start(after),
            None => return false,
        }
    }
    rest.is_empty()
}

/// Whether data of this type is JSON: a subtype of `json` or with the suffix `+json`, in any case.
pub(crate) fn is_json(text: &str) -> bool {
    if text == "application/json" {
        return true;
    }
    let (essence, _) = split_essence(text);
    let Some((_, subtype)) = essence.split_once('/') else {
        return false;
    };
    let suffix = subtype.len().checked_sub(5).and_then(|at| subtype.get(at..));
    subtype.eq_ignore_ascii_case("json") || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
}

/// `type/subtype` without surrounding blanks, and the rest from the first `;` on.
fn split_essence(text: &str) -> (&str, &str) {
    let at = text.find(';').unwrap_or(text.len());
    let (essence, rest) = text.split_at(at);
    (essence.trim_end_matches([' ', '\t']), rest)
}

/// Skips `name=value` (or nothing) and answers what follows.
fn skip_parameter(text: &str) -> Option<&str> {
    if text.is_empty() || text.starts_with(';') {
        return Some(text);
    }
    let (name, value) = text.split_once('=')?;
    if !is_token(name) {
        return None;
    }
    if let Some(quoted) = value.strip_prefix('"') {
        return skip_quoted(quoted);
    }
    let end = value
        .bytes()
        .position(|byte| !is_token_byte(byte))
        .unwrap_or(value.len());
    if end == 0 { None } else { value.get(end..) }
}

fn skip_quoted(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return text.get(at + 1..),
            b'\\' if !escaped => escaped = true,
            b' '..=b'~' | b'\t' => escaped = false,
            _ => return None,
        }
    }
    None
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// RFC 2045: printable ASCII but blanks and `tspecials`.
fn is_token_byte(byte: u8) -> bool {
    let special = matches!(byte, b'(' | b')' | b'<' | b'>' | b'@' | b',' | b';' | b':')
        || matches!(byte, b'\\' | b'"' | b'/' | b'[' | b']' | b'?' | b'=');
    byte.is_ascii_graphic() && !special
}
