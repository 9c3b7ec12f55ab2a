//! The grammar of RFC 3986, as far as an answer "yes" or "no" needs it. Nothing is normalised.

/// Whether `text` is a URI with a scheme (RFC 3986 section 3). The core specification asks for an absolute URI
/// (section 4.3), which has no fragment; schemas are addressed with fragments all the same, so one is accepted.
pub(super) fn is_uri(text: &str) -> bool {
    split_scheme(text).is_some_and(|(_, rest)| is_path(rest) || is_hierarchy(rest, false))
}

/// Whether `text` is a URI or a relative reference (RFC 3986 section 4.1).
pub(super) fn is_reference(text: &str) -> bool {
    is_path(text) || is_uri(text) || is_hierarchy(text, true)
}

/// Most of those in use: with nothing but slashes between plain characters, all of it is a host and a path, or a path.
fn is_path(text: &str) -> bool {
    let valid = |byte: u8| PLAIN[usize::from(byte)] || byte == b'/';
    text.bytes().all(valid)
}

/// The scheme before the first `:`, and what follows it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    valid.then_some((scheme, rest))
}

/// `hier-part` or `relative-part`, then query and fragment. A relative path has no `:` in its first segment.
fn is_hierarchy(text: &str, relative: bool) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    if !is_made_of(query, b":@/?") || !is_made_of(fragment, b":@/?") {
        return false;
    }
    if let Some(rest) = text.strip_prefix("//") {
        let end = rest.find('/').unwrap_or(rest.len());
        return is_authority(&rest[..end]) && is_made_of(&rest[end..], b":@/");
    }
    let first = text.split('/').next().unwrap_or("");
    !(relative && first.contains(':')) && is_made_of(text, b":@/")
}

fn is_authority(text: &str) -> bool {
    let host_and_port = match text.rsplit_once('@') {
        Some((user, rest)) if is_made_of(user, b":") => rest,
        Some(_) => return false,
        None => text,
    };
    let (host_is_valid, rest) = match host_and_port.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, rest)) => (is_address_literal(address), rest),
            None => return false,
        },
        None => {
            let end = host_and_port.find(':').unwrap_or(host_and_port.len());
            (is_made_of(&host_and_port[..end], b""), &host_and_port[end..])
        }
    };
    let port_is_valid = match rest.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => rest.is_empty(),
    };
    host_is_valid && port_is_valid
}

/// An IPv6 address, or `v1.` and so on for later kinds.
fn is_address_literal(text: &str) -> bool {
    let Some(later) = text.strip_prefix(['v', 'V']) else {
        return text.parse::<std::net::Ipv6Addr>().is_ok();
    };
    later.split_once('.').is_some_and(|(version, address)| {
        let hexadecimal = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        hexadecimal && !address.is_empty() && !address.contains('%') && is_made_of(address, b":")
    })
}

/// Only unreserved characters, `sub-delims`, percent-encoded bytes and those in `more`.
fn is_made_of(text: &str, more: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let valid =
            PLAIN[usize::from(byte)] || more.contains(&byte) || (byte == b'%' && is_octet(&mut bytes));
        if !valid {
            return false;
        }
    }
    true
}

/// The two hexadecimal digits after a `%`.
fn is_octet(bytes: &mut impl Iterator<Item = u8>) -> bool {
    let mut digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
    digit() && digit()
}

/// Which bytes may stand in any part: `unreserved` and `sub-delims`.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0u8;
    while byte < 0x80 {
        plain[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~')
            || matches!(
                byte,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            );
        byte += 1;
    }
    plain
};
