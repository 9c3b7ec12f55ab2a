//! WebhookSource (`heddle.dev/v1`): a path on the ingress at which any POST becomes an event.
//!
//! The body becomes the data and the request's content type its content type. The attributes come from rules that are tried in
//! order: a header of the request, a JSON pointer into the body, or a constant.

use http::HeaderName;

use super::meta::Meta;
use super::scope::Scope;
use super::source::SourceSpec;
use super::value::Value;
use crate::yaml::{Field, Located, Problem, Reader};

/// A source that is posted to.
#[derive(Clone, Debug)]
pub struct WebhookSource {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// The path it is mounted at, beginning with a slash; no other webhook or broker may have it.
    pub path: Located<String>,
    /// How the attributes of its events are found.
    pub event: EventRules,
    /// What a request must show; none: nothing.
    pub auth: Option<WebhookAuth>,
    /// What becomes of a request that is a CloudEvent already.
    pub cloud_events: CloudEvents,
    /// Where its events go.
    pub spec: SourceSpec,
}

/// What becomes of a request that is a CloudEvent already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloudEvents {
    /// It is wrapped like any other, so that a sender cannot choose what the rules fix.
    #[default]
    Wrap,
    /// It passes as it is.
    Pass,
}

/// For each attribute the rules that are tried in order. Without rules the default is taken. When there are rules and none
/// applies, `subject` is left out, `id` is a new UUID, and a request without `type` or `source` is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRules {
    /// Default: `dev.heddle.webhook`.
    pub ty: Vec<Rule>,
    /// Default: `/apis/v1/namespaces/NAMESPACE/webhooksources/NAME`.
    pub source: Vec<Rule>,
    /// Default: none.
    pub subject: Vec<Rule>,
    /// Default: a new UUID.
    pub id: Vec<Rule>,
}

/// Where an attribute's value is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// In this header of the request, when it is there once and not empty.
    Header(HeaderName),
    /// At this JSON pointer (RFC 6901) of the body, when a string, number or boolean stands there.
    Pointer(String),
    /// Always this.
    Constant(String),
}

/// What a request must show.
#[derive(Clone, Debug)]
pub enum WebhookAuth {
    /// `Authorization: Bearer TOKEN`.
    Bearer(Value),
    /// A shared secret in a header.
    Header {
        /// The header.
        name: HeaderName,
        /// The secret.
        value: Value,
    },
}

impl WebhookSource {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<WebhookSource> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        document.field("spec").required().map(|reader| {
            let spec = SourceSpec::read(reader, scope);
            let path = path(&reader.field("path").required());
            let event = reader.field("event").map(|reader| {
                Some(EventRules {
                    ty: rules(&reader.field("type")),
                    source: rules(&reader.field("source")),
                    subject: rules(&reader.field("subject")),
                    id: rules(&reader.field("id")),
                })
            });
            let cloud_events = reader
                .field("cloudEvents")
                .one_of(&[("wrap", CloudEvents::Wrap), ("pass", CloudEvents::Pass)])
                .unwrap_or_default();
            let auth_field = reader.field("auth");
            let auth = auth_field.map(|reader| read_auth(reader, scope));
            if !auth_field.is_absent() && auth.is_none() {
                return None; // Never open to all because the lock could not be read.
            }
            Some(WebhookSource {
                path: path?,
                event: event.unwrap_or_default(),
                auth,
                cloud_events,
                spec: spec?,
                meta: meta?,
            })
        })
    }
}

/// A path of plain segments, so that it means one thing to every client and proxy.
fn path(field: &Field<'_>) -> Option<Located<String>> {
    let text = field.text()?;
    let is_plain = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || "-._~".contains(char))
    };
    let sound = text
        .value
        .strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(is_plain));
    if !sound {
        let message = format!(
            "{} is not a path that can be mounted: \"{}\"",
            field.path(),
            text.value
        );
        let help =
            "write /segment or /segment/segment of letters, digits and -._~, without a slash at the end";
        field.error_with_help(message, help);
        return None;
    }
    Some(text)
}

/// One rule, or a list of rules.
fn rules(field: &Field<'_>) -> Vec<Rule> {
    match field.value().map(|node| &node.value) {
        None => Vec::new(),
        Some(crate::yaml::Value::List(_)) => field.list(rule),
        Some(crate::yaml::Value::Map(_)) => rule(field).into_iter().collect(),
        Some(_) => field
            .wrong_type("{header: NAME}, {pointer: /PATH}, {value: TEXT} or a list of them")
            .unwrap_or_default(),
    }
}

fn rule(field: &Field<'_>) -> Option<Rule> {
    field.map(|reader| {
        let header = header_name(&reader.field("header"));
        let pointer_field = reader.field("pointer");
        let pointer = pointer_field.text();
        let value = reader.field("value").text();
        if let Some(text) = pointer.as_ref().filter(|text| !is_pointer(&text.value)) {
            let message = format!(
                "{} is not a JSON pointer: \"{}\"",
                pointer_field.path(),
                text.value
            );
            pointer_field.error_with_help(
                message,
                "write it as /order/id; ~ is written ~0 and / in a name ~1",
            );
        }
        match reader.exactly_one(&["header", "pointer", "value"])? {
            "header" => header.map(Rule::Header),
            "pointer" => pointer.map(|text| Rule::Pointer(text.value)),
            _ => value.map(|text| Rule::Constant(text.value)),
        }
    })
}

/// RFC 6901: slash-led tokens in which `~` is followed by `0` or `1`.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn read_auth(reader: &Reader<'_>, scope: &Scope) -> Option<WebhookAuth> {
    let bearer = Value::decode_secret(reader.field("bearer"), scope);
    let header = reader.field("header").map(|reader| {
        let name = header_name(&reader.field("name").required());
        let value = Value::decode_secret(reader.field("value").required(), scope);
        Some((name?, value?))
    });
    match reader.exactly_one(&["bearer", "header"])? {
        "bearer" => bearer.map(WebhookAuth::Bearer),
        _ => header.map(|(name, value)| WebhookAuth::Header { name, value }),
    }
}

fn header_name(field: &Field<'_>) -> Option<HeaderName> {
    let text = field.text()?;
    let name = HeaderName::try_from(text.value.as_str()).ok();
    if name.is_none() {
        let message = format!("{} is not the name of a header: \"{}\"", field.path(), text.value);
        field.findings().add(Problem::error(&text.place, message));
    }
    name
}
