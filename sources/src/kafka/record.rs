//! From one Kafka record to one event.
//!
//! A record that is a CloudEvent (Kafka protocol binding, binary or structured mode) passes as it is. Any other is
//! wrapped as Knative does: type `dev.knative.kafka.event`, source
//! `/apis/v1/namespaces/<ns>/kafkasources/<name>#<topic>`, id `partition:<p>/offset:<o>`, subject `partition:<p>#<o>`,
//! time of the record, extensions `key` and `partitionkey`, and `kafkaheader<name>` for each header.
//!
//! - Content type: the header `content-type` where there is one; else `application/json` when the value is one JSON
//!   value, else `application/octet-stream`. The bytes stay as they are.
//! - Header names are lower-cased and stripped to `[a-z0-9]`; of several that become one name the last wins. A value
//!   that is text stays text, another is carried as bytes (base64).
//! - The key by its declared type; one that is not of that type is carried as text, else as bytes. An empty key or
//!   header adds nothing.
//! - A null value (tombstone) is an event without data; an empty value is empty data.
//! - A record that claims to be a CloudEvent and is not valid is wrapped like any other, with `heddleinvalid` saying
//!   what is wrong.
//! - A record over the limit is wrapped without its data, with `heddleomitted` saying how large it was; partition and
//!   offset say where to fetch it. Headers over the limits are left out the same way.

use bytes::Bytes;
use schemas::codec::kafka as codec;
use schemas::codec::{DecodeError, Reason};
use schemas::event::{Event, InvalidEvent};
use schemas::limits::Limits;
use schemas::names::ResourceName;

use super::KeyType;
use crate::extensions::{KAFKA_HEADER_PREFIX, KEY, PARTITION_KEY};
use crate::payload;
use crate::ping::rfc3339;
use crate::wrap::{Carried, Wrap};
use broker::Timestamp;

/// The `type` of a wrapped record.
pub const TYPE: &str = "dev.knative.kafka.event";

/// A header's name and value.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

/// One record, as it was polled.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, if it has a time.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its headers; `None` when they cannot be read (a name that is not UTF-8).
    pub headers: Option<Vec<Header<'a>>>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Bytes>,
}

/// What became of a record.
#[derive(Debug)]
pub struct Made {
    /// Its event.
    pub event: Event,
    /// It claimed to be a CloudEvent and was not: the mistake.
    pub invalid: Option<String>,
    /// A part of it is over a limit and was left out.
    pub omitted: bool,
}

impl Record<'_> {
    /// The event of this record.
    ///
    /// # Errors
    /// [`InvalidEvent`] never for what a record holds, only if the rules of wrapping themselves were wrong.
    pub fn event(&self, name: &ResourceName, keys: KeyType, limits: &Limits) -> Result<Made, InvalidEvent> {
        let headers = self.headers.as_deref().unwrap_or_default();
        let is_small = self
            .value
            .as_ref()
            .is_none_or(|value| value.len() <= limits.event_bytes_max);
        let decoded = codec::decode(
            headers.iter().copied(),
            self.value.clone().filter(|_| is_small),
            limits,
        );
        let mistake = match decoded {
            Ok(Some(event)) if is_small => {
                return Ok(Made {
                    event,
                    invalid: None,
                    omitted: false,
                });
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        self.wrap(name, keys, mistake.as_ref(), limits)
    }

    fn wrap(
        &self,
        name: &ResourceName,
        keys: KeyType,
        mistake: Option<&DecodeError>,
        limits: &Limits,
    ) -> Result<Made, InvalidEvent> {
        let (partition, offset) = (self.partition, self.offset);
        let mut wrap = Wrap::new(
            TYPE.to_owned(),
            format!("partition:{partition}/offset:{offset}"),
            format!(
                "/apis/v1/namespaces/{}/kafkasources/{}#{}",
                name.namespace(),
                name.name(),
                self.topic
            ),
            format!("partition:{partition}#{offset}"),
        );
        wrap.time = self
            .timestamp_ms
            .and_then(|ms| u64::try_from(ms).ok())
            .map(|ms| rfc3339(Timestamp(ms)));
        wrap.data.clone_from(&self.value);
        self.add_headers(&mut wrap);
        if let Some(key) = self.key {
            add_key(&mut wrap, keys, key);
        }
        // What is merely too large is told by what is left out.
        let mistake = mistake
            .filter(|mistake| mistake.reason != Reason::TooLarge)
            .map(ToString::to_string);
        if let Some(mistake) = &mistake {
            wrap.invalid(mistake);
        }
        let wrapped = wrap.build(limits)?;
        Ok(Made {
            event: wrapped.event,
            invalid: mistake,
            omitted: wrapped.omitted,
        })
    }

    fn add_headers(&self, wrap: &mut Wrap) {
        let Some(headers) = &self.headers else {
            wrap.omit("headers (a name is not UTF-8)");
            return;
        };
        for (name, value) in headers {
            let Some(value) = value else { continue };
            if name.eq_ignore_ascii_case("content-type") {
                wrap.content_type = payload::as_text(value).map(str::to_owned);
            }
            let part = payload::name_part(name);
            if !part.is_empty() {
                wrap.extension(&format!("{KAFKA_HEADER_PREFIX}{part}"), Carried::of(value));
            }
        }
    }
}

fn add_key(wrap: &mut Wrap, keys: KeyType, key: &[u8]) {
    let (value, text) = match keys {
        KeyType::Text => (Carried::of(key), None),
        KeyType::Bytes => (Carried::Bytes(key.to_vec()), None),
        KeyType::Integer => match integer(key) {
            Some(number) => {
                let value = i32::try_from(number)
                    .map_or_else(|_| Carried::Text(number.to_string()), Carried::Integer);
                (value, Some(number.to_string()))
            }
            None => (Carried::of(key), None),
        },
        KeyType::Float => match float(key) {
            Some(text) => (Carried::Text(text), None),
            None => (Carried::of(key), None),
        },
    };
    wrap.extension(PARTITION_KEY, text.map_or_else(|| value.clone(), Carried::Text));
    wrap.extension(KEY, value);
}

fn integer(key: &[u8]) -> Option<i64> {
    match *key {
        [a] => Some(i64::from(i8::from_be_bytes([a]))),
        [a, b] => Some(i64::from(i16::from_be_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_be_bytes([a, b, c, d]))),
        _ => key.try_into().ok().map(i64::from_be_bytes),
    }
}

fn float(key: &[u8]) -> Option<String> {
    match *key {
        [a, b, c, d] => Some(f32::from_be_bytes([a, b, c, d]).to_string()),
        _ => key
            .try_into()
            .ok()
            .map(|bytes| f64::from_be_bytes(bytes).to_string()),
    }
}

#[cfg(test)]
mod tests;
