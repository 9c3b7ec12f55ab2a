//! The events that are sent: rendered once as a whole HTTP/1.1 request, then stamped with an id and a time each time.
//!
//! An event has nine attributes (`specversion`, `id`, `source`, `type`, `subject`, `time`, `dataschema`,
//! `partitionkey`, `datacontenttype`) and JSON data that begins with its id and the time for which it was scheduled:
//!
//! ```text
//! {"id":"00000000000004d2","at":"00000000012345678901","pad":"..."}
//!  7      16 hex digits    31     20 digits
//! ```
//!
//! so that who receives it can tell how long it took, and that it came as it was sent ([`fingerprint`]).

use crc_fast::{CrcAlgorithm, checksum};

/// What data begins with.
const DATA_START: &str = r#"{"id":""#;
/// What is between the id and the time.
const DATA_MIDDLE: &str = r#"","at":""#;
/// What is between the time and the padding.
const DATA_REST: &str = r#"","pad":""#;
/// What it ends with.
const DATA_END: &str = r#""}"#;
/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 16;
/// Decimal digits of a time.
const TIME_DIGITS: usize = 20;
/// In a path or type: replaced by a number that differs from event to event.
const NUMBER: &str = "####";
/// Characters of the padding: nothing that JSON escapes, and not all the same.
const PADDING: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// What the events of a load are like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Where they are posted; `####` in it is replaced by a number.
    pub(crate) path: String,
    /// Their type; `####` in it is replaced by a number.
    pub(crate) ty: String,
    /// Bytes of data of each.
    pub(crate) data_bytes: usize,
    /// Events of one request: 1 is the binary mode, more are batches.
    pub(crate) batch: usize,
    /// How many numbers take turns for `####`.
    pub(crate) numbers: u64,
    /// Events with this number and higher ones are left out of the sum of the fingerprints: nobody is to receive them.
    pub(crate) received_numbers: u64,
}

/// A request with places to stamp. Each connection has its own.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    events: Vec<Places>,
    numbers_at: Vec<usize>,
    numbers: u64,
    received_numbers: u64,
}

/// Where in the request an event's fields are.
#[derive(Clone, Copy, Debug)]
struct Places {
    id: usize,
    data: usize,
    data_end: usize,
}

impl Shape {
    /// 1 KiB of data in binary mode for the broker `default/default`.
    pub(crate) fn plain() -> Self {
        Self {
            path: "/default/default".to_owned(),
            ty: "com.example.order.created".to_owned(),
            data_bytes: 1024,
            batch: 1,
            numbers: 1,
            received_numbers: 1,
        }
    }

    /// As many events in each request, structured.
    pub(crate) fn batches(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    /// The request that posts such events.
    pub(crate) fn render(&self) -> Request {
        let mut request = Request {
            bytes: Vec::with_capacity(1024 + self.batch * (self.data_bytes + 512)),
            events: Vec::with_capacity(self.batch),
            numbers_at: Vec::new(),
            numbers: self.numbers.max(1),
            received_numbers: self.received_numbers,
        };
        if self.batch == 1 {
            request.binary(self);
        } else {
            request.batch(self);
        }
        request.find_numbers();
        request
    }
}

impl Request {
    fn binary(&mut self, shape: &Shape) {
        self.text(&format!("POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", shape.path));
        self.text("ce-specversion: 1.0\r\nce-id: ");
        let id = self.bytes.len();
        self.text(&"0".repeat(ID_DIGITS));
        self.text("\r\nce-source: /bench/producer\r\nce-type: ");
        self.text(&shape.ty);
        self.text("\r\nce-subject: orders/4711\r\nce-time: 2026-11-23T12:00:00.123456Z\r\n");
        self.text("ce-dataschema: https://example.com/schemas/order.json\r\nce-partitionkey: customer-7\r\n");
        self.text("content-type: application/json\r\n");
        self.text(&format!("content-length: {}\r\n\r\n", shape.data_bytes));
        let data = self.data(shape.data_bytes);
        self.events.push(Places { id, ..data });
    }

    fn batch(&mut self, shape: &Shape) {
        let mut body = Self {
            bytes: Vec::new(),
            ..self.clone()
        };
        for index in 0..shape.batch {
            body.text(if index == 0 { "[" } else { "," });
            body.text(r#"{"specversion":"1.0","id":""#);
            let id = body.bytes.len();
            body.text(&"0".repeat(ID_DIGITS));
            body.text(r#"","source":"/bench/producer","type":""#);
            body.text(&shape.ty);
            body.text(r#"","subject":"orders/4711","time":"2026-11-23T12:00:00.123456Z","#);
            body.text(r#""dataschema":"https://example.com/schemas/order.json","#);
            body.text(r#""partitionkey":"customer-7","datacontenttype":"application/json","data":"#);
            let data = body.data(shape.data_bytes);
            body.events.push(Places { id, ..data });
            body.text("}");
        }
        body.text("]");
        self.text(&format!("POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", shape.path));
        self.text("content-type: application/cloudevents-batch+json\r\n");
        self.text(&format!("content-length: {}\r\n\r\n", body.bytes.len()));
        let head = self.bytes.len();
        self.bytes.extend_from_slice(&body.bytes);
        self.events
            .extend(body.events.iter().map(|places| places.after(head)));
    }

    fn data(&mut self, bytes: usize) -> Places {
        let data = self.bytes.len();
        let fixed =
            DATA_START.len() + ID_DIGITS + DATA_MIDDLE.len() + TIME_DIGITS + DATA_REST.len() + DATA_END.len();
        self.text(DATA_START);
        self.text(&"0".repeat(ID_DIGITS));
        self.text(DATA_MIDDLE);
        self.text(&"0".repeat(TIME_DIGITS));
        self.text(DATA_REST);
        let padding = PADDING.iter().cycle().take(bytes.saturating_sub(fixed));
        self.bytes.extend(padding);
        self.text(DATA_END);
        Places {
            id: data,
            data,
            data_end: self.bytes.len(),
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn find_numbers(&mut self) {
        let windows = self.bytes.windows(NUMBER.len()).enumerate();
        let found = windows.filter(|(_, window)| *window == NUMBER.as_bytes());
        self.numbers_at = found.map(|(at, _)| at).collect();
    }

    /// How many events the request posts.
    pub(crate) fn events(&self) -> u64 {
        self.events.len() as u64
    }

    /// Gives its events the ids from `first` on, and the time for which they are scheduled. Returns the request and the
    /// sum of the fingerprints of the events that somebody is to receive.
    pub(crate) fn stamp(&mut self, first: u64, at: u64) -> (&[u8], u64) {
        for &place in &self.numbers_at {
            digits(
                &mut self.bytes[place..place + NUMBER.len()],
                first % self.numbers,
                10,
            );
        }
        let mut sum = 0_u64;
        for (id, places) in (first..).zip(&self.events) {
            digits(&mut self.bytes[places.id..places.id + ID_DIGITS], id, 16);
            let in_data = places.data + DATA_START.len();
            digits(&mut self.bytes[in_data..in_data + ID_DIGITS], id, 16);
            let time = in_data + ID_DIGITS + DATA_MIDDLE.len();
            digits(&mut self.bytes[time..time + TIME_DIGITS], at, 10);
            if first % self.numbers < self.received_numbers {
                sum = sum.wrapping_add(fingerprint(id, &self.bytes[places.data..places.data_end]));
            }
        }
        (&self.bytes, sum)
    }
}

impl Request {
    /// The data of the first event, as it was stamped last.
    pub(crate) fn data_of_first(&self) -> &[u8] {
        self.events
            .first()
            .map_or(&[], |places| &self.bytes[places.data..places.data_end])
    }
}

impl Places {
    fn after(self, bytes: usize) -> Self {
        Self {
            id: self.id + bytes,
            data: self.data + bytes,
            data_end: self.data_end + bytes,
        }
    }
}

/// An id as it stands in requests.
pub(crate) fn id_text(id: u64) -> String {
    format!("{id:016x}")
}

/// The id that a text says.
pub(crate) fn id_of(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

/// A number for an event that another id or other data would not have. The sum of these over many events (wrapping) does
/// not depend on their order: equal sums say that the same events came, with the same data.
pub(crate) fn fingerprint(id: u64, data: &[u8]) -> u64 {
    let mut mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ checksum(CrcAlgorithm::Crc64Nvme, data);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The time for which an event was scheduled, from its data; `None` when these are not the data of such an event.
pub(crate) fn scheduled(data: &[u8]) -> Option<u64> {
    let rest = data.strip_prefix(DATA_START.as_bytes())?.get(ID_DIGITS..)?;
    let time = rest.strip_prefix(DATA_MIDDLE.as_bytes())?.get(..TIME_DIGITS)?;
    std::str::from_utf8(time).ok()?.parse().ok()
}

fn digits(place: &mut [u8], mut number: u64, base: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789abcdef"[usize::try_from(number % base).unwrap_or(0)];
        number /= base;
    }
}

#[cfg(test)]
mod tests;
