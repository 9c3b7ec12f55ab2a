//! Secret and ConfigMap (`v1`), as far as values refer to their entries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::kinds::Kind;
use super::meta::Meta;
use super::value::Secret;
use crate::yaml::Reader;

/// A Secret or a ConfigMap. Entries that are not UTF-8 text are left out: no value here can be made of them.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Its name, labels and annotations; its kind says which of the two it is.
    pub meta: Meta,
    /// Key and text of each entry.
    pub entries: Vec<(String, Secret)>,
}

impl Entries {
    pub(super) fn decode(document: &Reader<'_>, kind: Kind, meta: Option<Meta>) -> Option<Entries> {
        document.ignore(&["type", "immutable"]);
        let entries = match kind {
            Kind::Secret => secret_entries(document),
            _ => config_map_entries(document),
        };
        Some(Entries { entries, meta: meta? })
    }

    /// The text of an entry.
    pub fn get(&self, key: &str) -> Option<&Secret> {
        self.entries
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, text)| text)
    }
}

/// `stringData` wins over `data`, as in Kubernetes.
fn secret_entries(document: &Reader<'_>) -> Vec<(String, Secret)> {
    let plain = document
        .field("stringData")
        .secret()
        .entries()
        .unwrap_or_default();
    let encoded = document.field("data").secret().entries().unwrap_or_default();
    let plain = plain
        .into_iter()
        .filter_map(|(key, field)| Some((key.value, Secret::new(field.string()?.value))));
    let encoded = encoded.into_iter().filter_map(|(key, field)| {
        let text = field.string()?;
        let joined: String = text.value.split_whitespace().collect();
        let bytes = BASE64.decode(joined).ok();
        if bytes.is_none() {
            field.error_with_help(
                format!("{} is not base64", field.path()),
                "plain text goes under stringData",
            );
        }
        Some((key.value, Secret::new(String::from_utf8(bytes?).ok()?)))
    });
    plain.chain(encoded).collect()
}

fn config_map_entries(document: &Reader<'_>) -> Vec<(String, Secret)> {
    document.ignore(&["binaryData"]);
    let entries = document.field("data").entries().unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(key, field)| Some((key.value, Secret::new(field.string()?.value))))
        .collect()
}
