//! One file -> its resources: finds each document's kind and hands it to that kind's decoder.

use super::broker::Broker;
use super::endpoint::Endpoint;
use super::entries::Entries;
use super::event_type::EventType;
use super::kafka_source::KafkaSource;
use super::kinds::{self, Kind, Standing};
use super::meta::{self, Meta};
use super::nats_source::NatsSource;
use super::ping_source::PingSource;
use super::schema::Schema;
use super::scope::Scope;
use super::trigger::Trigger;
use super::webhook_source::WebhookSource;
use super::{Broken, Decoded, Resource};
use crate::yaml::{self, Field, Findings, Located, Problem, Reader};

/// Reads all resources of a file's text. `file` is its name for messages.
pub fn decode(file: &str, text: &str) -> Decoded {
    let findings = Findings::new(file);
    let mut decoded = Decoded::default();
    for document in yaml::parse(text, &findings) {
        decode_document(&Field::root(&document, &findings), &mut decoded);
    }
    let (problems, masked, files) = findings.finish();
    Decoded {
        problems,
        masked,
        files,
        ..decoded
    }
}

fn decode_document(document: &Field<'_>, decoded: &mut Decoded) {
    let sort = document.map_loosely(|reader| {
        let api_version = reader.field("apiVersion").required().text();
        let kind = reader.field("kind").required().text();
        Some((api_version?, kind?))
    });
    let Some((api_version, kind)) = sort else { return };
    match Standing::of(&api_version.value, &kind.value) {
        Standing::Served(kind) => decode_served(kind, document, decoded),
        Standing::List => {
            let items = document.map(|reader| {
                let items = reader.field("items").list(|item| Some(item.clone()));
                reader.ignore(&["apiVersion", "kind", "metadata"]);
                Some(items)
            });
            items
                .into_iter()
                .flatten()
                .for_each(|item| decode_document(&item, decoded));
        }
        standing => report_unserved(standing, document, &api_version, &kind),
    }
}

fn decode_served(kind: Kind, document: &Field<'_>, decoded: &mut Decoded) {
    document.map(|reader| {
        reader.ignore(&["apiVersion", "kind", "status"]);
        let meta = Meta::decode(reader, kind);
        let identity = meta.as_ref().map(|meta| meta.identity.clone());
        let scope = Scope::new(meta::namespace_of(document));
        match decode_kind(kind, reader, meta, &scope) {
            Some(resource) => decoded.resources.push(resource),
            None => decoded.broken.push(Broken {
                identity,
                loose: scope.into_loose(),
            }),
        }
        Some(())
    });
}

fn decode_kind(kind: Kind, reader: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Resource> {
    Some(match kind {
        Kind::Broker => Resource::Broker(Broker::decode(reader, meta, scope)?.into()),
        Kind::Trigger => Resource::Trigger(Trigger::decode(reader, meta, scope)?.into()),
        Kind::PingSource => Resource::PingSource(PingSource::decode(reader, meta, scope)?.into()),
        Kind::KafkaSource => Resource::KafkaSource(KafkaSource::decode(reader, meta, scope)?.into()),
        Kind::NatsSource => Resource::NatsSource(NatsSource::decode(reader, meta, scope)?.into()),
        Kind::WebhookSource => Resource::WebhookSource(WebhookSource::decode(reader, meta, scope)?.into()),
        Kind::Endpoint => Resource::Endpoint(Endpoint::decode(reader, meta, scope)?.into()),
        Kind::Schema => Resource::Schema(Schema::decode(reader, meta, scope)?.into()),
        Kind::EventType => Resource::EventType(EventType::decode(reader, meta, scope)?.into()),
        Kind::Secret | Kind::ConfigMap => Resource::Entries(Entries::decode(reader, kind, meta)?.into()),
    })
}

fn report_unserved(
    standing: Standing,
    document: &Field<'_>,
    api_version: &Located<String>,
    kind: &Located<String>,
) {
    let (name, version) = (&kind.value, &api_version.value);
    let problem = match standing {
        Standing::Served(_) | Standing::List => return,
        Standing::Idle => {
            let which = document
                .peek(&["metadata", "name"])
                .map_or(String::new(), |name| format!(" \"{name}\""));
            Problem::warning(
                &kind.place,
                format!("{name}{which} ({version}) does nothing here"),
            )
        }
        Standing::Refused(why) => Problem::error(
            &kind.place,
            format!("{name} is not available in this version: {why}"),
        ),
        Standing::OtherVersion(versions) => {
            let message = format!("{name} is not known under apiVersion \"{version}\"");
            Problem::error(&api_version.place, message)
                .with_help(format!("write apiVersion: {}", versions[0]))
        }
        Standing::Unknown => report_unknown(api_version, kind),
    };
    document.findings().add(problem);
}

fn report_unknown(api_version: &Located<String>, kind: &Located<String>) -> Problem {
    let homes = kinds::homes_of(&kind.value);
    if !homes.is_empty() {
        let message = format!(
            "{} is not known under apiVersion \"{}\"",
            kind.value, api_version.value
        );
        return Problem::error(&api_version.place, message)
            .with_help(format!("it is known in {}", homes.join(", ")));
    }
    let problem = Problem::error(&kind.place, format!("unknown kind \"{}\"", kind.value));
    match yaml::nearest(&kind.value, &kinds::all_names()) {
        Some(near) => problem.with_help(format!("did you mean \"{near}\"?")),
        None => problem.with_help(format!("the kinds read here are {}", kinds::served_names())),
    }
}
