//! The hot paths by name, each as something to be done over and over.
//!
//! Making one prepares all that the path needs; what is measured is one call of it.

use std::hint::black_box;

use broker::embedded::probe;
use cesql::{Expression, Value};
use dispatcher::Format;
use dispatcher::probe::Prepared;
use journal::probe::Framing;
use journal::{Frame, Purpose};
use schemas::codec;
use schemas::limits::Limits;
use smallvec::smallvec;

use crate::fixtures;
use crate::index::{MATCHES, Matching, Shape};

/// How many deliveries one record of settlements tells of: what gathers while the last record is written.
pub const SETTLEMENTS: u64 = 64;

/// One path, ready to be walked.
pub type Walk = Box<dyn FnMut()>;

/// A path that is measured.
#[derive(Clone, Copy)]
pub struct Path {
    /// For people, and in the baseline.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Most allocations of one walk; `None`: told, not limited.
    pub allocations_max: Option<usize>,
    /// Prepares it.
    pub prepare: fn() -> Walk,
}

/// All paths, in the order in which an event meets them.
pub const PATHS: [Path; 12] = [
    Path {
        name: "parse-structured",
        about: "1 KiB of JSON with 45 members, structured mode",
        allocations_max: Some(4),
        prepare: || parse_structured(fixtures::structured()),
    },
    Path {
        name: "parse-structured-wide",
        about: "a structured event that has 45 members itself",
        allocations_max: Some(4),
        prepare: || parse_structured(fixtures::structured_wide()),
    },
    Path {
        name: "parse-binary",
        about: "nine attributes in headers, 1 KiB of body",
        allocations_max: Some(4),
        prepare: parse_binary,
    },
    Path {
        name: "encode-record",
        about: "the event's record and its frame in the journal, checksums included",
        allocations_max: None,
        prepare: encode_record,
    },
    Path {
        name: "read-record",
        about: "the event out of a record that was read from disk",
        allocations_max: Some(4),
        prepare: read_record,
    },
    Path {
        name: "cesql-eval",
        about: "type = 'a' AND subject LIKE 'x%', compiled before",
        allocations_max: Some(0),
        prepare: cesql_eval,
    },
    Path {
        name: "match-10",
        about: "one event against 10 triggers, 3 match",
        allocations_max: Some(0),
        prepare: || matching(Shape::Exact, 10),
    },
    Path {
        name: "match-10k",
        about: "one event against 10,000 triggers, 3 match",
        allocations_max: Some(0),
        prepare: || matching(Shape::Exact, 10_000),
    },
    Path {
        name: "match-10k-prefix",
        about: "one event against 10,000 triggers with a prefix each, 3 match",
        allocations_max: Some(0),
        prepare: || matching(Shape::Prefix, 10_000),
    },
    Path {
        name: "encode-delivery",
        about: "the request of one delivery, binary mode",
        allocations_max: None,
        prepare: || encode_delivery(Format::Binary),
    },
    Path {
        name: "encode-delivery-json",
        about: "the request of one delivery, structured mode",
        allocations_max: None,
        prepare: || encode_delivery(Format::Json),
    },
    Path {
        name: "encode-settlements",
        about: "the record of 64 deliveries",
        allocations_max: None,
        prepare: encode_settlements,
    },
];

/// The path of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Path> {
    PATHS.iter().find(|path| path.name == name)
}

fn parse_structured(bytes: bytes::Bytes) -> Walk {
    let limits = Limits::default();
    Box::new(move || {
        let event = codec::json::decode(black_box(&bytes), &limits);
        black_box(event.expect("the fixture is an event"));
    })
}

fn parse_binary() -> Walk {
    let (headers, body) = fixtures::binary();
    let limits = Limits::default();
    Box::new(move || {
        let event = codec::http::decode(black_box(&headers), body.clone(), &limits);
        black_box(event.expect("the fixture is an event"));
    })
}

fn encode_record() -> Walk {
    let event = fixtures::event();
    let mut framing = Framing::new();
    Box::new(move || {
        let frame = Frame {
            purpose: Purpose::Ingest,
            entries: smallvec![probe::event_entry(black_box(&event))],
        };
        framing.clear();
        black_box(framing.write(&frame));
    })
}

fn read_record() -> Walk {
    let entry = probe::event_entry(&fixtures::event());
    let payload = bytes::Bytes::from([&entry.head[..], &entry.body[..]].concat());
    Box::new(move || {
        let event = probe::read_event(black_box(&payload));
        black_box(event.expect("the record was written here"));
    })
}

fn cesql_eval() -> Walk {
    let expression = Expression::parse("type = 'a' AND subject LIKE 'x%'").expect("an expression");
    let event = [
        ("id", Value::from("1")),
        ("source", Value::from("/s")),
        ("type", Value::from("a")),
        ("subject", Value::from("xylophone")),
    ];
    Box::new(move || assert!(black_box(&expression).is_match(black_box(&event))))
}

fn matching(shape: Shape, triggers: usize) -> Walk {
    let matching = Matching::new(shape, triggers);
    Box::new(move || assert_eq!(black_box(&matching).run(), MATCHES))
}

fn encode_delivery(format: Format) -> Walk {
    let event = fixtures::event();
    let url = http::Uri::from_static("http://127.0.0.1:8080/orders?from=heddle");
    let prepared = Prepared::new(url, &"default/orders".parse().expect("a name")).expect("an http URL");
    Box::new(move || {
        black_box(prepared.request(black_box(&event), format));
    })
}

fn encode_settlements() -> Walk {
    let mut next = 1_000_000;
    Box::new(move || {
        black_box(probe::settlements_entry(next..next + SETTLEMENTS));
        next += SETTLEMENTS;
    })
}
