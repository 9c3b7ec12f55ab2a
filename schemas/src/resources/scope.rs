//! The resource that is being read: the namespace that its references are in, and what of it others have to check.
//!
//! That is kept beside the typed resource because a resource with a mistake never becomes one, and the rest of it shall be
//! checked all the same: every mistake is reported at once.

use std::cell::RefCell;

use super::destination::Destination;
use super::value::Value;
use crate::names::ResourceName;
use crate::yaml::Located;

/// Something in a resource that cannot be judged by looking at the resource alone.
#[derive(Clone, Debug)]
pub enum Loose {
    /// A broker by its name.
    Broker(Located<ResourceName>),
    /// A destination.
    Destination(Box<Destination>),
    /// A value that comes from elsewhere.
    Value(Value),
    /// A schedule and its time zone.
    Schedule(Located<String>, Option<Located<String>>),
}

/// The resource that is being read.
#[derive(Debug)]
pub(super) struct Scope {
    namespace: Option<String>,
    loose: RefCell<Vec<Loose>>,
}

impl Scope {
    /// A resource in this namespace; none when the namespace itself is a mistake.
    pub(super) fn new(namespace: Option<String>) -> Scope {
        Scope {
            namespace,
            loose: RefCell::default(),
        }
    }

    /// The namespace of the resource.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Notes what the resource refers to.
    pub(super) fn refers_to(&self, loose: Loose) {
        self.loose.borrow_mut().push(loose);
    }

    /// All that it refers to.
    pub(super) fn into_loose(self) -> Vec<Loose> {
        self.loose.into_inner()
    }
}
