//! Names of resources: `namespace/name`, checked once by Kubernetes' rules and cheap to clone.

use crate::limits::{NAME_BYTES_MAX, NAMESPACE_BYTES_MAX};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The namespace and name of a resource, shown and parsed as `namespace/name`.
///
/// The namespace is a DNS-1123 label (`[a-z0-9-]`, at most 63 bytes), the name a DNS-1123 subdomain (labels joined
/// with dots, at most 253 bytes); each label starts and ends with a letter or digit. Orders by namespace, then name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ResourceName {
    /// `namespace/name`
    text: Arc<str>,
    slash: usize,
}

/// A namespace or name that breaks the naming rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The namespace is not a DNS-1123 label.
    #[error(
        "namespace `{0}` is invalid; use 1 to {NAMESPACE_BYTES_MAX} lower-case letters, digits and `-`, \
         with a letter or digit first and last"
    )]
    Namespace(String),
    /// The name is not a DNS-1123 subdomain.
    #[error(
        "name `{0}` is invalid; use 1 to {NAME_BYTES_MAX} lower-case letters, digits, `-` and `.`, \
         with a letter or digit first and last and around each `.`"
    )]
    Name(String),
    /// The text has no `/`.
    #[error("`{0}` is not a resource's full name; write it as `namespace/name`")]
    NoSlash(String),
}

impl ResourceName {
    /// Checks both parts and joins them.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] for the first part that breaks its rule.
    pub fn new(namespace: &str, name: &str) -> Result<Self, InvalidName> {
        if namespace.len() > NAMESPACE_BYTES_MAX || !is_label(namespace) {
            return Err(InvalidName::Namespace(namespace.to_owned()));
        }
        if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
            return Err(InvalidName::Name(name.to_owned()));
        }
        Ok(Self {
            text: format!("{namespace}/{name}").into(),
            slash: namespace.len(),
        })
    }

    /// The part before the slash.
    pub fn namespace(&self) -> &str {
        &self.text[..self.slash]
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// Both parts: `namespace/name`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

impl Ord for ResourceName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.namespace(), self.name()).cmp(&(other.namespace(), other.name()))
    }
}

impl PartialOrd for ResourceName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ResourceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (namespace, name) = text
            .split_once('/')
            .ok_or_else(|| InvalidName::NoSlash(text.to_owned()))?;
        Self::new(namespace, name)
    }
}

impl Serialize for ResourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ResourceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
