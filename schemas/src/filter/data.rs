//! What filters ask of an event, and values found in its data by JSON pointer (RFC 6901).
//!
//! The data is looked at when the first filter asks, and each pointer is followed once an event, however many filters
//! name it. Nothing is built of the data: the text is walked, and what the pointer does not lead to is skipped.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::event::media::is_json;
use crate::event::{DataForm, Event};

/// An event in the hands of filters. Cheap to make: nothing is looked at before somebody asks.
pub struct Facts<'e> {
    event: &'e Event,
    data: OnceCell<Option<&'e RawValue>>,
    found: RefCell<SmallVec<[(Pointer, Found<'e>); 4]>>,
}

/// A JSON pointer: empty for the whole, or `/` before each step; `~1` stands for `/` and `~0` for `~`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(String);

/// The text is no JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a JSON pointer such as /order/items/0")]
pub struct NotPointer(String);

/// What is at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<'e> {
    /// There is no such place.
    Nothing,
    /// A scalar's canonical string.
    Scalar(Cow<'e, str>),
    /// A list or an object.
    Composite,
}

impl<'e> Facts<'e> {
    /// Of this event.
    pub fn new(event: &'e Event) -> Self {
        Self {
            event,
            data: OnceCell::new(),
            found: RefCell::default(),
        }
    }

    /// The event.
    pub fn event(&self) -> &'e Event {
        self.event
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'e str> {
        self.event.attribute(name).map(|attribute| attribute.value)
    }

    pub(super) fn data<T>(&self, pointer: &Pointer, look: impl FnOnce(Found<'_>) -> T) -> T {
        if let Some((_, known)) = self.found.borrow().iter().find(|(known, _)| known == pointer) {
            return look(known.borrowed());
        }
        let data = *self.data.get_or_init(|| json(self.event));
        let found = data.map_or(Found::Nothing, |data| pointer.follow(data));
        let result = look(found.borrowed());
        self.found.borrow_mut().push((pointer.clone(), found));
        result
    }
}

impl<'e> Found<'e> {
    pub(super) fn text(text: &'e str) -> Self {
        Self::Scalar(Cow::Borrowed(text))
    }

    /// The canonical string, if it has one.
    pub(super) fn canonical(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            Self::Nothing | Self::Composite => None,
        }
    }

    fn borrowed(&self) -> Found<'_> {
        match self {
            Self::Nothing => Found::Nothing,
            Self::Scalar(text) => Found::Scalar(Cow::Borrowed(text)),
            Self::Composite => Found::Composite,
        }
    }
}

impl Pointer {
    fn follow<'e>(&self, data: &'e RawValue) -> Found<'e> {
        let mut at = data.get();
        for step in self.0.split('/').skip(1) {
            let step = match step.contains('~') {
                true => Cow::Owned(step.replace("~1", "/").replace("~0", "~")),
                false => Cow::Borrowed(step),
            };
            match member(at, &step) {
                Some(next) => at = next,
                None => return Found::Nothing,
            }
        }
        match at.as_bytes().first() {
            Some(b'{' | b'[') => Found::Composite,
            Some(b'"') => {
                serde_json::from_str::<Text<'_>>(at).map_or(Found::Nothing, |text| Found::Scalar(text.0))
            }
            _ => Found::Scalar(Cow::Borrowed(at)),
        }
    }
}

impl TryFrom<String> for Pointer {
    type Error = NotPointer;

    fn try_from(text: String) -> Result<Self, NotPointer> {
        let starts_right = text.is_empty() || text.starts_with('/');
        let escapes_right = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if starts_right && escapes_right {
            Ok(Self(text))
        } else {
            Err(NotPointer(text))
        }
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The data, when it is one JSON value.
fn json(event: &Event) -> Option<&RawValue> {
    let says_json = || event.data_content_type().is_none_or(is_json);
    let is_json = match event.data_form() {
        DataForm::Json => true,
        DataForm::Binary | DataForm::Base64 => says_json(),
        DataForm::Text | DataForm::Absent => false,
    };
    event
        .data()
        .filter(|_| is_json)
        .and_then(|data| serde_json::from_slice(data).ok())
}

/// The member of an object or the element of a list, as text; the last of a name counts.
fn member<'e>(json: &'e str, step: &str) -> Option<&'e str> {
    let value = match json.as_bytes().first()? {
        b'{' => {
            let visitor = Member {
                step,
                life: PhantomData,
            };
            serde_json::Deserializer::from_str(json).deserialize_map(visitor)
        }
        b'[' => {
            let is_index =
                step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
            let index = step.parse::<usize>().ok().filter(|_| is_index)?;
            let visitor = Element {
                index,
                life: PhantomData,
            };
            serde_json::Deserializer::from_str(json).deserialize_seq(visitor)
        }
        _ => return None,
    };
    value.ok().flatten().map(RawValue::get)
}

/// A JSON string's content, borrowed where it holds no escapes.
struct Text<'e>(Cow<'e, str>);

struct Member<'s, 'e> {
    step: &'s str,
    life: PhantomData<&'e str>,
}

struct Element<'e> {
    index: usize,
    life: PhantomData<&'e str>,
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Content;
        impl<'de> Visitor<'de> for Content {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Content)
    }
}

impl<'de> Visitor<'de> for Member<'_, 'de> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            if key == self.step {
                found = Some(map.next_value::<&'de RawValue>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'de> Visitor<'de> for Element<'de> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        for at in 0.. {
            if at == self.index {
                found = list.next_element::<&'de RawValue>()?;
                if found.is_none() {
                    break;
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
