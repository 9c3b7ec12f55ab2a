//! Values that may come from elsewhere: text with `${ENV}` in it, a file, or an entry of a Secret or ConfigMap.
//!
//! ```yaml
//! token: ${TOKEN}                      # the environment; ${TOKEN:-none} has a default, $${ is a plain ${
//! token: {env: TOKEN}
//! token: {file: ./token}               # relative to the file it is written in; one newline at the end is cut
//! token: {secretKeyRef: {name: s, key: token}}     # a Secret in the same files; also configMapKeyRef
//! ```
//!
//! Only the form is checked here; environment, files and entries are looked up when all resources are known.

use std::fmt;

use super::kinds::Kind;
use super::scope::{Loose, Scope};
use crate::names::ResourceName;
use crate::yaml::{Field, Located, Place, Reader, Value as YamlValue};

/// A text that is never shown: its `Debug` and its absence of `Display` see to that.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Where it is written.
    pub place: Place,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The text itself, with variables of the environment in it.
    Text(Template),
    /// The content of a file, by the path as it is written.
    File(String),
    /// An entry of a Secret or ConfigMap in the same namespace.
    Entry {
        /// [`Kind::Secret`] or [`Kind::ConfigMap`].
        kind: Kind,
        /// Its name.
        name: ResourceName,
        /// The entry's key.
        key: String,
    },
}

/// Text with `${NAME}` and `${NAME:-default}` in it. Its `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable { name: String, default: Option<String> },
}

/// A variable of the environment that is not set and has no default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct UnsetVariable(pub String);

impl Secret {
    /// Takes a text that must not be shown.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Value {
    /// Reads a value that may be shown, such as a URL. `namespace` is that of the resource, when it is known.
    pub(super) fn decode(field: &Field<'_>, scope: &Scope) -> Option<Value> {
        let place = field.place();
        let origin = match &field.value()?.value {
            YamlValue::Text(_) => Origin::Text(template(field)?),
            YamlValue::Map(_) => field.map(|reader| origin(reader, scope))?,
            YamlValue::Number(_) | YamlValue::Bool(_) => return field.wrong_type("a string"),
            _ => {
                return field
                    .wrong_type("a string or one of {env}, {file}, {secretKeyRef}, {configMapKeyRef}");
            }
        };
        let value = Value { place, origin };
        scope.refers_to(Loose::Value(value.clone()));
        Some(value)
    }

    /// Reads the path of a file whose content is the value.
    pub(super) fn decode_path(field: &Field<'_>, scope: &Scope) -> Option<Value> {
        let path = field.text()?;
        field.findings().needs_file(&path.value);
        let value = Value {
            place: path.place,
            origin: Origin::File(path.value),
        };
        scope.refers_to(Loose::Value(value.clone()));
        Some(value)
    }

    /// Reads a value that must never be shown, such as a password.
    pub(super) fn decode_secret(field: Field<'_>, scope: &Scope) -> Option<Value> {
        let references_only = matches!(field.value().map(|node| &node.value), Some(YamlValue::Map(_)));
        let field = if references_only { field } else { field.secret() };
        Value::decode(&field, scope)
    }
}

impl Template {
    /// Parses `${...}`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with a `${`; it holds no text but the variable's name.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let Some(end) = inside.find('}') else {
                return Err("${ has no closing }".to_owned());
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(variable(&inside[..end])?);
            rest = &inside[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Template { pieces })
    }

    /// The text with its variables replaced by what `environment` has for their names.
    ///
    /// # Errors
    ///
    /// [`UnsetVariable`] for the first variable that is not set and has no default.
    pub fn expand(&self, environment: impl Fn(&str) -> Option<String>) -> Result<String, UnsetVariable> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable { name, default } => {
                    let value = environment(name).or_else(|| default.clone());
                    text.push_str(&value.ok_or_else(|| UnsetVariable(name.clone()))?);
                }
            }
        }
        Ok(text)
    }

    /// The template that stands for one variable.
    fn of_variable(name: &str) -> Result<Template, String> {
        variable(name).map(|piece| Template { pieces: vec![piece] })
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} pieces)", self.pieces.len())
    }
}

fn template(field: &Field<'_>) -> Option<Template> {
    let text = field.string()?;
    match Template::parse(&text.value) {
        Ok(template) => Some(template),
        Err(message) => {
            field.error_with_help(
                format!("{}: {message}", field.path()),
                "a plain ${ is written $${",
            );
            None
        }
    }
}

fn variable(inside: &str) -> Result<Piece, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inside, None),
    };
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_well
        || !name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_')
    {
        return Err("${...} must hold the name of an environment variable".to_owned());
    }
    Ok(Piece::Variable {
        name: name.to_owned(),
        default,
    })
}

fn origin(reader: &Reader<'_>, scope: &Scope) -> Option<Origin> {
    let env = reader.field("env").text();
    let file = reader.field("file").text();
    let secret = entry_reference(&reader.field("secretKeyRef"), Kind::Secret, scope);
    let config_map = entry_reference(&reader.field("configMapKeyRef"), Kind::ConfigMap, scope);
    reader.exactly_one(&["env", "file", "secretKeyRef", "configMapKeyRef"])?;
    if let Some(Located { value: file, .. }) = file {
        reader.findings().needs_file(&file);
        return Some(Origin::File(file));
    }
    if let Some(env) = env {
        let template = Template::of_variable(&env.value);
        if template.is_err() {
            reader.field("env").error(format!(
                "{}.env is not the name of an environment variable",
                reader.path()
            ));
        }
        return template.ok().map(Origin::Text);
    }
    secret.or(config_map)
}

fn entry_reference(field: &Field<'_>, kind: Kind, scope: &Scope) -> Option<Origin> {
    field.map(|reader| {
        let name = reader.field("name").required().text();
        let key = reader.field("key").required().text();
        reader.ignore(&["optional"]);
        let name = name?;
        let full = ResourceName::new(scope.namespace()?, &name.value);
        if let Err(error) = &full {
            reader.field("name").error(error.to_string());
        }
        Some(Origin::Entry {
            kind,
            name: full.ok()?,
            key: key?.value,
        })
    })
}
