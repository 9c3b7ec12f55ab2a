//! CloudEvents SQL as a filter dialect.

use std::fmt;
use std::sync::Arc;

use cesql::ast::Node;
use cesql::{Attributes, Evaluation, Expression, ParseError, Type, Value, Warning};
use serde::{Deserialize, Serialize};

use crate::event::{Event, Kind};

/// An expression, parsed once. Equal when the texts are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sql(Arc<Expression>);

/// An event's attributes as expressions see them: integers and booleans by their type, all else as canonical strings.
struct OfEvent<'e>(Option<&'e Event>);

impl Sql {
    /// Whether the value is the Boolean `true`, without an error.
    pub fn matches(&self, event: &Event) -> bool {
        self.0.is_match(&OfEvent(Some(event)))
    }

    /// The value for this event, or for one without attributes, and what stopped the evaluation, if something did.
    pub(super) fn evaluate(&self, event: Option<&Event>) -> (Value<'static>, Option<cesql::Error>) {
        let attributes = OfEvent(event);
        let Evaluation { value, error } = self.0.evaluate(&attributes);
        (value.into_owned(), error)
    }

    /// The type of the value; none when only an event can tell.
    pub fn value_type(&self) -> Option<Type> {
        self.0.value_type()
    }

    /// What to tell the author: valid, and easily misread, or never without an error.
    pub fn warnings(&self) -> &[Warning] {
        self.0.warnings()
    }

    /// The text.
    pub fn source(&self) -> &str {
        self.0.source()
    }

    pub(super) fn tree(&self) -> &Node {
        self.0.tree()
    }
}

impl Attributes for OfEvent<'_> {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        let attribute = self.0?.attribute(name)?;
        let typed = match attribute.kind {
            Kind::Integer => attribute.value.parse().ok().map(Value::Integer),
            Kind::Boolean => attribute.value.parse().ok().map(Value::Boolean),
            Kind::String | Kind::Binary | Kind::Uri | Kind::UriReference | Kind::Timestamp => None,
        };
        Some(typed.unwrap_or_else(|| Value::from(attribute.value)))
    }
}

impl TryFrom<String> for Sql {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Expression::parse(&text).map(|expression| Self(Arc::new(expression)))
    }
}

impl From<Sql> for String {
    fn from(sql: Sql) -> Self {
        sql.source().to_owned()
    }
}

impl PartialEq for Sql {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Sql {}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}
