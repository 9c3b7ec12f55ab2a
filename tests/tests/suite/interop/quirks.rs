//! Where a library does otherwise than the specification says, or than its language can: each with what it does and why that is
//! not heddle's. A quirk that is mended fails its test, so that the list stays true.

use harness::peer::Client;
use serde_json::json;

use super::Mode;
use super::cases::{Case, Seen};

/// Which way the library handles the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Sends,
    Reads,
}

/// One thing that a library does otherwise.
struct Quirk {
    clients: &'static [Client],
    side: Side,
    modes: &'static [Mode],
    cases: &'static [&'static str],
    does: Does,
    /// Why the library is wrong, or cannot do better.
    #[expect(dead_code, reason = "for who reads the list")]
    why: &'static str,
}

/// What it does.
enum Does {
    /// It raises an error with these words.
    Fails(&'static str),
    /// It sends or reads this instead.
    Gives(fn(&mut Seen)),
}

const BINARY: &[Mode] = &[Mode::Binary];
const STRUCTURED: &[Mode] = &[Mode::Structured];
const ALL: &[Mode] = &Mode::ALL;

const PYTHON: &[Client] = &[Client::Python];
const BOTH_PYTHONS: &[Client] = &[Client::Python, Client::EventGrid];
const NODE: &[Client] = &[Client::Node];
const RUST: &[Client] = &[Client::Rust];
const NODE_AND_RUST: &[Client] = &[Client::Node, Client::Rust];

/// The quirks of a case.
fn of<'a>(
    client: Client,
    side: Side,
    mode: Mode,
    case: &'a Case,
) -> impl Iterator<Item = &'static Quirk> + 'a {
    QUIRKS.iter().filter(move |quirk| {
        quirk.clients.contains(&client)
            && quirk.side == side
            && quirk.modes.contains(&mode)
            && quirk.cases.contains(&case.name)
    })
}

/// The words of the error that the library meets, when it does.
pub(super) fn fails(client: Client, side: Side, mode: Mode, case: &Case) -> Option<&'static str> {
    of(client, side, mode, case).find_map(|quirk| match quirk.does {
        Does::Fails(why) => Some(why),
        Does::Gives(_) => None,
    })
}

/// Changes what is to be seen by what the library does otherwise.
pub(super) fn apply(client: Client, side: Side, mode: Mode, case: &Case, seen: &mut Seen) {
    for quirk in of(client, side, mode, case) {
        if let Does::Gives(change) = quirk.does {
            change(seen);
        }
    }
}

const fn quirk(
    clients: &'static [Client],
    side: Side,
    modes: &'static [Mode],
    cases: &'static [&'static str],
    does: Does,
    why: &'static str,
) -> Quirk {
    Quirk {
        clients,
        side,
        modes,
        cases,
        does,
        why,
    }
}

const NUMBERS: &str = "its numbers are the language's: RFC 8259, section 6, lets a reader keep fewer digits. Heddle keeps all, as \
                       the other libraries that read the same event show";
const ENCODING: &str =
    "HTTP binding, section 3.1.3.2: header values are percent-encoded and decoded; it does neither";

const QUIRKS: &[Quirk] = &[
    // What it makes of JSON.
    quirk(
        BOTH_PYTHONS,
        Side::Sends,
        ALL,
        &["characters"],
        Does::Gives(|seen| seen.data = data(r#"{"euro":"\u20ac \ud83d\ude00"}"#)),
        "RFC 8259, section 7, leaves it the choice to write ASCII alone. Heddle keeps what it wrote",
    ),
    quirk(
        BOTH_PYTHONS,
        Side::Sends,
        ALL,
        &["numbers"],
        Does::Gives(whole_big_number),
        NUMBERS,
    ),
    quirk(
        BOTH_PYTHONS,
        Side::Reads,
        ALL,
        &["numbers"],
        Does::Gives(whole_big_number),
        NUMBERS,
    ),
    quirk(
        NODE_AND_RUST,
        Side::Sends,
        ALL,
        &["numbers"],
        Does::Gives(rounded_big_number),
        NUMBERS,
    ),
    quirk(
        NODE,
        Side::Reads,
        ALL,
        &["numbers"],
        Does::Gives(rounded_big_number),
        NUMBERS,
    ),
    quirk(
        RUST,
        Side::Reads,
        STRUCTURED,
        &["numbers"],
        Does::Gives(rounded_big_number),
        NUMBERS,
    ),
    quirk(
        RUST,
        Side::Sends,
        ALL,
        &["order"],
        Does::Gives(|seen| seen.data = data(r#"{"a":2,"z":1}"#)),
        "its objects are sorted: RFC 8259, section 4, gives members no order",
    ),
    quirk(
        RUST,
        Side::Reads,
        STRUCTURED,
        &["order"],
        Does::Gives(|seen| seen.data = data(r#"{"a":2,"z":1}"#)),
        "as above; in the binary mode it keeps the bytes",
    ),
    // An explicit null.
    quirk(
        PYTHON,
        Side::Sends,
        ALL,
        &["null"],
        Does::Gives(|seen| seen.data = None),
        "JSON format, section 3.1: a data member of null is data. It has one word for null and for no data",
    ),
    quirk(
        &[Client::EventGrid],
        Side::Sends,
        ALL,
        &["null"],
        Does::Gives(|seen| seen.data = None),
        "as above, though it reads the two apart",
    ),
    quirk(
        PYTHON,
        Side::Reads,
        ALL,
        &["null"],
        Does::Gives(|seen| seen.data = None),
        "as above",
    ),
    quirk(
        NODE,
        Side::Reads,
        STRUCTURED,
        &["null"],
        Does::Gives(|seen| seen.data = None),
        "as above: it leaves out members that are false to the language",
    ),
    quirk(
        NODE,
        Side::Reads,
        BINARY,
        &["null"],
        Does::Gives(|seen| seen.data = data(r#""null""#)),
        "HTTP binding, section 3.1.2: the body is the data. It puts quotes around JSON that is no object, array or string",
    ),
    // The rest of the data.
    quirk(
        NODE,
        Side::Reads,
        BINARY,
        &["nothing"],
        Does::Gives(|seen| seen.data = data("")),
        "HTTP tells an empty body not from none, and nor does it",
    ),
    quirk(
        PYTHON,
        Side::Sends,
        BINARY,
        &["string"],
        Does::Gives(|seen| seen.data = data("a JSON string")),
        "HTTP binding, section 3.1.2: the body is in the format that datacontenttype says; a JSON string has quotes. Heddle \
         keeps what came, which is no JSON",
    ),
    quirk(
        NODE,
        Side::Sends,
        BINARY,
        &["string"],
        Does::Gives(|seen| seen.data = data("a JSON string")),
        "as above",
    ),
    quirk(
        NODE,
        Side::Sends,
        BINARY,
        &["bytes-of-no-type", "nothing"],
        Does::Gives(|seen| {
            let media_type = json!("application/json; charset=utf-8");
            seen.attributes.insert("datacontenttype".to_owned(), media_type);
        }),
        "core specification, section on datacontenttype: one that was not set is not made up",
    ),
    // Attributes in headers.
    quirk(
        PYTHON,
        Side::Sends,
        BINARY,
        &["types"],
        Does::Gives(|seen| drop(seen.attributes.insert("flag".to_owned(), json!("True")))),
        "core specification, section on types: a Boolean is written true or false",
    ),
    quirk(
        NODE_AND_RUST,
        Side::Reads,
        BINARY,
        &["characters"],
        Does::Gives(left_encoded),
        ENCODING,
    ),
    quirk(
        NODE,
        Side::Sends,
        BINARY,
        &["characters"],
        Does::Fails("ByteString"),
        ENCODING,
    ),
    quirk(
        RUST,
        Side::Sends,
        BINARY,
        &["characters"],
        Does::Gives(|seen| drop(seen.attributes.insert("quoted".to_owned(), json!("a b 100% A")))),
        ENCODING,
    ),
];

#[expect(clippy::unnecessary_wraps, reason = "what an event has for data")]
fn data(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

fn whole_big_number(seen: &mut Seen) {
    seen.data = data(r#"{"a":12345678901234567890123,"b":1.1}"#);
}

fn rounded_big_number(seen: &mut Seen) {
    seen.data = data(r#"{"a":1.2345678901234568e+22,"b":1.1}"#);
}

fn left_encoded(seen: &mut Seen) {
    let mut insert = |name: &str, value: &str| seen.attributes.insert(name.to_owned(), json!(value));
    insert("subject", "Euro%20%E2%82%AC%20%F0%9F%98%80");
    insert("quoted", "a%20%22b%22%20100%25%20%2541");
}
