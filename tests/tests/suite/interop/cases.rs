//! The events that go between heddle and the clients, and what is to be seen of each.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A time that all libraries can hold, as text and in milliseconds since 1970.
const TIME: &str = "2026-01-31T21:59:59.123Z";
const MILLISECONDS: i64 = 1_769_896_799_123;

/// The ways in which libraries write [`TIME`].
const TIMES: [&str; 4] = [
    TIME,
    "2026-01-31T21:59:59.123000Z",
    "2026-01-31T21:59:59.123+00:00",
    "2026-01-31T21:59:59.123000+00:00",
];

/// An event: what is the same in all of them is not in its fields.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) data: Data,
    media_type: Option<&'static str>,
    /// `subject`, `dataschema` and extensions, as members of a JSON object.
    attributes: &'static str,
}

/// The data, as the JSON format has it.
pub(super) enum Data {
    None,
    /// JSON text, without a space outside of strings.
    Json(&'static str),
    Text(&'static str),
    Bytes(&'static [u8]),
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "plain",
        data: Data::Json(r#"{"a":["b",true,null],"z":1}"#),
        media_type: Some("application/json"),
        attributes: r#""subject":"orders/1","dataschema":"https://example.com/order.json","region":"eu""#,
    },
    Case {
        name: "characters",
        data: Data::Json(r#"{"euro":"€ 😀"}"#),
        media_type: Some("application/json"),
        attributes: r#""subject":"Euro € 😀","quoted":"a \"b\" 100% %41""#,
    },
    Case {
        name: "numbers",
        data: Data::Json(r#"{"a":12345678901234567890123,"b":1.10}"#),
        media_type: Some("application/json"),
        attributes: "",
    },
    Case {
        name: "order",
        data: Data::Json(r#"{"z":1,"a":2}"#),
        media_type: Some("application/json"),
        attributes: "",
    },
    Case {
        name: "bytes",
        data: Data::Bytes(b"\xff\x00\xfe"),
        media_type: Some("application/octet-stream"),
        attributes: "",
    },
    Case {
        name: "bytes-of-no-type",
        data: Data::Bytes(b"\xff\x00\xfe"),
        media_type: None,
        attributes: "",
    },
    Case {
        name: "text",
        data: Data::Text("Grüße €\n"),
        media_type: Some("text/plain"),
        attributes: "",
    },
    Case {
        name: "string",
        data: Data::Json(r#""a JSON string""#),
        media_type: Some("application/json"),
        attributes: "",
    },
    Case {
        name: "null",
        data: Data::Json("null"),
        media_type: Some("application/json"),
        attributes: "",
    },
    Case {
        name: "nothing",
        data: Data::None,
        media_type: None,
        attributes: "",
    },
    Case {
        name: "types",
        data: Data::Json("[]"),
        media_type: Some("application/json"),
        attributes: r#""flag":true,"level":-5,"digits":"0123""#,
    },
];

/// What was seen of an event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// All attributes; `time` in milliseconds.
    pub(super) attributes: BTreeMap<String, Value>,
    /// The data's bytes, of JSON those of its compact text.
    pub(super) data: Option<Vec<u8>>,
}

impl Case {
    /// All attributes but the time, with this word in its id.
    fn attributes(&self, sender: &str) -> BTreeMap<String, Value> {
        let id = format!("{sender}.{}", self.name);
        let mut attributes: BTreeMap<String, Value> =
            serde_json::from_str(&format!("{{{}}}", self.attributes)).expect("the cases are JSON");
        attributes.insert("id".to_owned(), json!(id));
        attributes.insert("source".to_owned(), json!("/interop?a=b#c"));
        attributes.insert("type".to_owned(), json!("com.example.Interop"));
        attributes.insert("specversion".to_owned(), json!("1.0"));
        if let Some(media_type) = self.media_type {
            attributes.insert("datacontenttype".to_owned(), json!(media_type));
        }
        attributes
    }

    /// As a client is told to make it.
    pub(super) fn event(&self, sender: &str) -> Value {
        let mut attributes = self.attributes(sender);
        attributes.insert("time".to_owned(), json!(TIME));
        let data = match self.data {
            Data::None => Value::Null,
            Data::Json(text) => json!({"json": text}),
            Data::Text(text) => json!({"text": text}),
            Data::Bytes(bytes) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
        };
        json!({"attributes": attributes, "data": data})
    }

    /// As a producer of the tests' own sends it: the JSON format.
    pub(super) fn structured(&self, sender: &str) -> String {
        let mut attributes = self.attributes(sender);
        attributes.insert("time".to_owned(), json!(TIME));
        let attributes = json!(attributes).to_string();
        let attributes = attributes.trim_end_matches('}');
        match self.data {
            Data::None => format!("{attributes}}}"),
            Data::Json(text) => format!(r#"{attributes},"data":{text}}}"#),
            Data::Text(text) => format!(r#"{attributes},"data":{}}}"#, json!(text)),
            Data::Bytes(bytes) => format!(
                r#"{attributes},"data_base64":"{}"}}"#,
                BASE64_STANDARD.encode(bytes)
            ),
        }
    }

    /// What is to be seen of it; without types every attribute is its canonical string.
    pub(super) fn seen(&self, sender: &str, typed: bool) -> Seen {
        let mut attributes = self.attributes(sender);
        if !typed {
            for value in attributes.values_mut() {
                if !value.is_string() {
                    *value = json!(value.to_string());
                }
            }
        }
        attributes.insert("time".to_owned(), json!(MILLISECONDS));
        let data = match self.data {
            Data::None => None,
            Data::Json(text) | Data::Text(text) => Some(text.as_bytes().to_vec()),
            Data::Bytes(bytes) => Some(bytes.to_vec()),
        };
        Seen { attributes, data }
    }
}

impl Seen {
    /// Who sent it and which case it is, by its id.
    pub(super) fn origin(&self) -> (&str, &'static Case) {
        let id = self.attributes["id"].as_str().expect("an id is a string");
        let (sender, name) = id.split_once('.').expect("the id that was sent");
        let case = CASES.iter().find(|case| case.name == name);
        (sender, case.unwrap_or_else(|| panic!("no case {name}")))
    }

    /// Notes what differs.
    pub(super) fn compare(&self, expected: &Self, what: &str, wrong: &mut Vec<String>) {
        let names: BTreeSet<&String> = self.attributes.keys().chain(expected.attributes.keys()).collect();
        for name in names {
            let (is, was) = (self.attributes.get(name), expected.attributes.get(name));
            if is != was {
                wrong.push(format!("{what}: {name} is {is:?} in place of {was:?}"));
            }
        }
        let text = |data: &Option<Vec<u8>>| data.as_ref().map(|data| data.escape_ascii().to_string());
        if self.data != expected.data {
            let (is, was) = (text(&self.data), text(&expected.data));
            wrong.push(format!("{what}: the data is {is:?} in place of {was:?}"));
        }
    }

    /// What a client told.
    pub(super) fn told(event: &Value) -> Self {
        let attributes = event["attributes"].as_object().expect("attributes").clone();
        let data = event["data"].as_object().map(|data| {
            let (kind, text) = data.iter().next().expect("one kind of data");
            let text = text.as_str().expect("data is text");
            let bytes = match kind.as_str() {
                "base64" => BASE64_STANDARD.decode(text).expect("base64"),
                _ => text.as_bytes().to_vec(),
            };
            let json = attributes.get("datacontenttype") == Some(&json!("application/json"));
            match String::from_utf8(bytes) {
                Ok(text) if json => compact(&text),
                Ok(text) => text.into_bytes(),
                Err(bytes) => bytes.into_bytes(),
            }
        });
        Self {
            attributes: attributes.into_iter().collect(),
            data,
        }
    }

    /// What lies in an event of the JSON format, its data untouched but for the spaces between tokens.
    pub(super) fn structured(body: &[u8]) -> Self {
        let members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(body).expect("an event of the JSON format");
        let mut attributes = BTreeMap::new();
        let mut data = None;
        for (name, raw) in &members {
            let value = || serde_json::from_str::<Value>(raw.get()).expect("it was JSON before");
            let string = || value().as_str().expect("a string").to_owned();
            match name.as_str() {
                "data_base64" => data = Some(BASE64_STANDARD.decode(string()).expect("base64")),
                "data" if is_text(&members) => data = Some(string().into_bytes()),
                "data" => data = Some(compact(raw.get())),
                "time" => {
                    assert!(TIMES.contains(&string().as_str()), "another time: {raw}");
                    attributes.insert(name.clone(), json!(MILLISECONDS));
                }
                _ => drop(attributes.insert(name.clone(), value())),
            }
        }
        Self { attributes, data }
    }
}

fn is_text(members: &BTreeMap<String, Box<RawValue>>) -> bool {
    members
        .get("datacontenttype")
        .is_some_and(|media_type| !media_type.get().contains("json"))
}

/// JSON text without the spaces between its tokens: some libraries write them.
fn compact(text: &str) -> Vec<u8> {
    let mut inside = false;
    let mut escaped = false;
    let keep = |character: &char| {
        if inside {
            inside = escaped || *character != '"';
            escaped = !escaped && *character == '\\';
            return true;
        }
        inside = *character == '"';
        !character.is_ascii_whitespace()
    };
    text.chars().filter(keep).collect::<String>().into_bytes()
}
