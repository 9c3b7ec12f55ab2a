//! Endpoint (`heddle.dev/v1`): a name for a URL that receives events, with what every request to it carries.

mod pace;

use http::HeaderName;

use super::meta::Meta;
use super::scope::Scope;
use super::value::Value;
use crate::limits::ENDPOINT_CONCURRENCY_MAX;
use crate::yaml::{Problem, Reader};

pub use pace::{Breaker, Pace, Rate};

/// Headers that Heddle writes itself, besides all that begin with `ce-`.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "kn-namespace",
    "prefer",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// An endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name, labels and annotations. A `ref` to a Service of this name leads here too.
    pub meta: Meta,
    /// What it is.
    pub address: Address,
}

/// What an endpoint is.
#[derive(Clone, Debug)]
pub enum Address {
    /// `builtin: echo`: prints each event and answers 200 with an empty body.
    Echo,
    /// A server.
    Server(Box<Server>),
}

/// A server that events are posted to.
#[derive(Clone, Debug)]
pub struct Server {
    /// An absolute `http` or `https` URL; checked when its variables are known.
    pub url: Value,
    /// Headers of every request. Their values are never shown.
    pub headers: Vec<(HeaderName, Value)>,
    /// PEM certificates that the server's may be signed by, besides the system's.
    pub ca_certs: Option<Value>,
    /// Most requests at once; none: as the dispatcher does by default.
    pub concurrency: Option<u32>,
    /// Its rate, timeout and breaker.
    pub pace: Pace,
}

impl Endpoint {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Endpoint> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        document.field("spec").required().map(|reader| {
            let url = Value::decode(&reader.field("url"), scope);
            let builtin = reader.field("builtin").one_of(&[("echo", ())]);
            let headers = headers(reader, scope);
            let ca_certs = Value::decode(&reader.field("caCerts"), scope);
            let concurrency = reader
                .field("concurrency")
                .integer(1..=ENDPOINT_CONCURRENCY_MAX)
                .and_then(|most| most.try_into().ok());
            let pace = Pace::decode(reader);
            let address = match reader.exactly_one(&["url", "builtin"])? {
                "url" => Address::Server(Box::new(Server {
                    url: url?,
                    headers,
                    ca_certs,
                    concurrency,
                    pace,
                })),
                _ => {
                    refuse_beside_builtin(reader);
                    builtin.map(|()| Address::Echo)?
                }
            };
            Some(Endpoint { address, meta: meta? })
        })
    }
}

fn headers(reader: &Reader<'_>, scope: &Scope) -> Vec<(HeaderName, Value)> {
    let entries = reader.field("headers").entries().unwrap_or_default();
    let read = |(key, field): (crate::yaml::Located<String>, crate::yaml::Field<'_>)| {
        let value = Value::decode_secret(field, scope);
        let name = HeaderName::try_from(key.value.as_str());
        let message = match &name {
            Err(_) => format!("\"{}\" is not the name of a header", key.value),
            Ok(name) if name.as_str().starts_with("ce-") || RESERVED.contains(&name.as_str()) => {
                format!("the header {} is written by Heddle itself", key.value)
            }
            Ok(_) => return Some((name.ok()?, value?)),
        };
        reader.findings().add(Problem::error(&key.place, message));
        None
    };
    entries.into_iter().filter_map(read).collect()
}

fn refuse_beside_builtin(reader: &Reader<'_>) {
    let beside_url = ["headers", "caCerts", "concurrency"]
        .into_iter()
        .chain(Pace::FIELDS);
    for name in reader.present(&beside_url.collect::<Vec<_>>()) {
        let field = reader.field(name);
        let message = format!("{} goes with url, not with builtin", field.path());
        reader
            .findings()
            .add(Problem::error(&field.name_place(), message));
    }
}
