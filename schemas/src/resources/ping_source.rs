//! PingSource (`sources.knative.dev/v1`): the same event at each tick of a schedule.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::meta::Meta;
use super::scope::{Loose, Scope};
use super::source::SourceSpec;
use crate::yaml::{Field, Located, Place, Problem, Reader};

const SCHEDULE_DEFAULT: &str = "* * * * *";

/// A source that ticks.
#[derive(Clone, Debug)]
pub struct PingSource {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// Cron expression of five or six fields (seconds first), or a nickname such as `@hourly`. Not checked here: who counts the
    /// time knows best what it can keep.
    pub schedule: Located<String>,
    /// IANA time zone that the schedule is meant in; none: UTC.
    pub timezone: Option<Located<String>>,
    /// Content type of the data.
    pub content_type: Option<String>,
    /// The data of each event.
    pub data: Option<Vec<u8>>,
    /// Where its events go.
    pub spec: SourceSpec,
}

impl PingSource {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<PingSource> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        document.field("spec").required().map(|reader| {
            let spec = SourceSpec::read(reader, scope);
            let schedule = schedule(&reader.field("schedule"));
            let timezone = reader.field("timezone").text();
            if let Some(schedule) = &schedule {
                scope.refers_to(Loose::Schedule(schedule.clone(), timezone.clone()));
            }
            let content_type = reader.field("contentType").text().map(|text| text.value);
            let data = data(reader, content_type.as_deref());
            Some(PingSource {
                schedule: schedule?,
                timezone,
                content_type,
                data,
                spec: spec?,
                meta: meta?,
            })
        })
    }
}

fn schedule(field: &Field<'_>) -> Option<Located<String>> {
    match field.is_absent() {
        true => Some(Located {
            value: SCHEDULE_DEFAULT.to_owned(),
            place: field.place(),
        }),
        false => field.text(),
    }
}

fn data(reader: &Reader<'_>, content_type: Option<&str>) -> Option<Vec<u8>> {
    let (plain_field, base64_field) = (reader.field("data"), reader.field("dataBase64"));
    let plain = plain_field.string().filter(|text| !text.value.is_empty());
    let encoded = base64_field.string().filter(|text| !text.value.is_empty());
    if plain.is_some() && encoded.is_some() {
        base64_field.error(format!("{} may have only one of data, dataBase64", reader.path()));
    }
    if let Some(text) = plain {
        if content_type.is_some_and(is_json) {
            check_json(&text.place, plain_field.findings(), &text.value);
        }
        return Some(text.value.into_bytes());
    }
    let text = encoded?;
    match BASE64.decode(text.value.as_bytes()) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            base64_field.error(format!("{} is not base64: {error}", base64_field.path()));
            None
        }
    }
}

fn check_json(place: &Place, findings: &crate::yaml::Findings, text: &str) {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let message = format!(
            "{} is not the JSON that contentType promises: {error}",
            place.path
        );
        findings.add(Problem::error(place, message));
    }
}

/// Whether a content type means JSON: the subtype `json` or one that ends in `+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence
        .split_once('/')
        .is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}
