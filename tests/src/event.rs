//! Events as the tests make them: plain values whose wire form is spelled out here, independently of heddle's codecs.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A CloudEvent 1.0 to be sent.
#[derive(Clone, Debug)]
pub struct Event {
    /// Attribute `id`.
    pub id: String,
    /// Attribute `source`.
    pub source: String,
    /// Attribute `type`.
    pub ty: String,
    /// Every other attribute except `datacontenttype`, by name.
    pub others: Vec<(String, String)>,
    /// Attribute `datacontenttype`.
    pub content_type: Option<String>,
    /// The payload; empty means none.
    pub data: Bytes,
}

impl Event {
    /// An event of this id, of type `test.event` from `/tests`, with the payload `{}`.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            source: "/tests".to_owned(),
            ty: "test.event".to_owned(),
            others: Vec::new(),
            content_type: Some("application/json".to_owned()),
            data: Bytes::from_static(b"{}"),
        }
    }

    /// Replaces the type.
    #[must_use]
    pub fn ty(mut self, ty: &str) -> Self {
        ty.clone_into(&mut self.ty);
        self
    }

    /// Replaces the source.
    #[must_use]
    pub fn source(mut self, source: &str) -> Self {
        source.clone_into(&mut self.source);
        self
    }

    /// Adds an attribute: an extension, `subject`, `time` or `dataschema`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.others.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the payload and its media type.
    #[must_use]
    pub fn data(mut self, content_type: &str, data: impl Into<Bytes>) -> Self {
        self.content_type = Some(content_type.to_owned());
        self.data = data.into();
        self
    }

    /// The headers of the binary mode over HTTP.
    pub fn binary_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("ce-specversion", HeaderValue::from_static("1.0"));
        let named = [("id", &self.id), ("source", &self.source), ("type", &self.ty)];
        let others = self.others.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in named.into_iter().chain(others) {
            let name = HeaderName::try_from(format!("ce-{name}")).expect("attribute names are header names");
            headers.insert(
                name,
                HeaderValue::try_from(percent_encoded(value)).expect("encoded values are ASCII"),
            );
        }
        if let Some(content_type) = &self.content_type {
            headers.insert(
                "content-type",
                HeaderValue::try_from(content_type).expect("media types are ASCII"),
            );
        }
        headers
    }

    /// The JSON format with the payload embedded as it is: the payload must be JSON text.
    pub fn structured(&self) -> Bytes {
        let mut members = vec![
            r#""specversion":"1.0""#.to_owned(),
            member("id", &self.id),
            member("source", &self.source),
            member("type", &self.ty),
        ];
        members.extend(self.others.iter().map(|(name, value)| member(name, value)));
        members.extend(
            self.content_type
                .iter()
                .map(|value| member("datacontenttype", value)),
        );
        if !self.data.is_empty() {
            let data =
                std::str::from_utf8(&self.data).expect("the payload of a structured test event is JSON text");
            members.push(format!(r#""data":{data}"#));
        }
        Bytes::from(format!("{{{}}}", members.join(",")))
    }
}

/// One JSON member with a string value.
fn member(name: &str, value: &str) -> String {
    format!("{}:{}", serde_json::json!(name), serde_json::json!(value))
}

/// The header value encoding of the CloudEvents HTTP binding (section 3.1.3.2): everything outside U+0021..U+007E, the
/// space, the double quote and the percent sign, as upper-case percent-encoded UTF-8.
pub fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'"' | b'%' | 0..=0x20 | 0x7f.. => encoded.push_str(&format!("%{byte:02X}")),
            plain => encoded.push(char::from(plain)),
        }
    }
    encoded
}
