//! Where an attribute of a webhook's event comes from.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use serde_json::value::RawValue;

/// One place to take an attribute's value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// A header, when it is there once.
    Header(HeaderName),
    /// A value in a JSON body, by JSON pointer (RFC 6901): a string's content, or the text of a number or boolean as
    /// it stands. An object, an array and null yield nothing, and so does a body that is not JSON.
    Pointer(Pointer),
    /// Always this.
    Constant(String),
}

/// A JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// Not a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a JSON pointer; write it as /member/0/member, with ~1 for a slash and ~0 for a tilde in a name"
)]
pub struct InvalidPointer {
    /// As given.
    pub text: String,
}

/// A body that is read as JSON only if somebody asks.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    json: OnceCell<Option<&'a RawValue>>,
}

impl Pick {
    /// A pick by JSON pointer.
    ///
    /// # Errors
    /// [`InvalidPointer`] for a text that does not follow RFC 6901.
    pub fn pointer(text: &str) -> Result<Self, InvalidPointer> {
        Pointer::parse(text).map(Self::Pointer)
    }

    fn value(&self, headers: &HeaderMap, body: &Body<'_>) -> Option<String> {
        match self {
            Self::Header(name) => {
                let mut values = headers.get_all(name).iter();
                let value = values.next().filter(|_| values.next().is_none());
                value?.to_str().ok().map(|text| text.trim().to_owned())
            }
            Self::Pointer(pointer) => pointer.value(body.json()?),
            Self::Constant(text) => Some(text.clone()),
        }
    }
}

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// [`InvalidPointer`] for a text that does not follow RFC 6901.
    pub fn parse(text: &str) -> Result<Self, InvalidPointer> {
        let invalid = || InvalidPointer {
            text: text.to_owned(),
        };
        let tokens = match text.strip_prefix('/') {
            Some(rest) => rest
                .split('/')
                .map(unescape)
                .collect::<Option<_>>()
                .ok_or_else(invalid)?,
            None if text.is_empty() => Vec::new(),
            None => return Err(invalid()),
        };
        Ok(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    /// The text of the scalar it points at. Walks the raw text level by level, so that a number keeps its digits.
    fn value(&self, json: &RawValue) -> Option<String> {
        let mut at = json;
        for token in &self.tokens {
            at = step(at, token)?;
        }
        let text = at.get();
        match text.as_bytes().first()? {
            b'"' => serde_json::from_str(text).ok(),
            b'{' | b'[' | b'n' => None,
            _ => Some(text.to_owned()),
        }
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut name = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(c) = characters.next() {
        name.push(match c {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(name)
}

fn step<'a>(at: &'a RawValue, token: &str) -> Option<&'a RawValue> {
    match at.get().as_bytes().first()? {
        b'{' => {
            let mut members: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(at.get()).ok()?;
            members.remove(token)
        }
        b'[' => {
            // RFC 6901, section 4: digits without a leading zero.
            let leading_zero = token.len() > 1 && token.starts_with('0');
            let index: usize = token.parse().ok().filter(|_| !leading_zero)?;
            let items: Vec<&'a RawValue> = serde_json::from_str(at.get()).ok()?;
            items.get(index).copied()
        }
        _ => None,
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            json: OnceCell::new(),
        }
    }

    fn json(&self) -> Option<&'a RawValue> {
        *self.json.get_or_init(|| serde_json::from_slice(self.bytes).ok())
    }
}

/// The first pick that yields a text that is not empty.
pub(super) fn first(picks: &[Pick], headers: &HeaderMap, body: &Body<'_>) -> Option<String> {
    picks
        .iter()
        .filter_map(|pick| pick.value(headers, body))
        .find(|text| !text.is_empty())
}

/// The picks in words, for the sender of a request in which none of them is.
pub(super) fn describe(picks: &[Pick]) -> String {
    let one = |pick: &Pick| match pick {
        Pick::Header(name) => format!("header `{name}`"),
        Pick::Pointer(pointer) => format!("`{}` in a JSON body", pointer.text),
        Pick::Constant(_) => "a constant that is empty".to_owned(),
    };
    picks.iter().map(one).collect::<Vec<_>>().join(" or ")
}
