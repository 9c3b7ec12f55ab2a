//! What an event must offer to be matched.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use crate::value::Value;

/// The context attributes of one event, extensions included. The data is not reachable from an expression.
pub trait Attributes {
    /// The attribute called `name`, which is lower case, or none when the event does not carry it. Borrow the text
    /// where you can: an expression is evaluated without copying it. URI, Timestamp and Binary attributes are given
    /// as their canonical strings.
    fn get(&self, name: &str) -> Option<Value<'_>>;
}

impl<T: Attributes + ?Sized> Attributes for &T {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        (**self).get(name)
    }
}

/// Pairs of name and value; the first of a name counts.
impl Attributes for [(&str, Value<'_>)] {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        self.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.borrowed())
    }
}

impl<const N: usize> Attributes for [(&str, Value<'_>); N] {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        Attributes::get(self.as_slice(), name)
    }
}

impl Attributes for BTreeMap<String, Value<'_>> {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        Self::get(self, name).map(Value::borrowed)
    }
}

impl<S: BuildHasher> Attributes for HashMap<String, Value<'_>, S> {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        Self::get(self, name).map(Value::borrowed)
    }
}

#[cfg(test)]
mod tests;
