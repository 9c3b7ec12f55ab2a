//! From arguments and data to an event, and from an event to a request.

use bytes::Bytes;
use http::HeaderMap;
use schemas::codec::http as codec;
use schemas::event::{DataForm, Event};
use serde::de::IgnoredAny;

use crate::cli::send::SendArgs;
use crate::exit::{Exit, Failure, OrExit, Outcome};

/// Makes events that differ in id and data alone.
pub(super) struct Composer<'a> {
    args: &'a SendArgs,
    path: String,
}

impl<'a> Composer<'a> {
    pub(super) fn new(args: &'a SendArgs) -> Self {
        Self {
            args,
            path: format!("/{}", args.broker),
        }
    }

    /// The broker's path on the ingress.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// One event. `number` counts lines from 1.
    pub(super) fn event(&self, data: Option<Vec<u8>>, number: Option<u64>) -> Outcome<Event> {
        let args = self.args;
        let mut builder = Event::builder()
            .id(&self.id(number))
            .source(&args.source)
            .ty(&args.ty);
        if let Some(subject) = &args.subject {
            builder = builder.subject(subject);
        }
        for (name, value) in &args.extensions {
            builder = builder.attribute(name, value.as_str()).or_exit(Exit::Usage)?;
        }
        if let Some(data) = data {
            let (content_type, form) = self.content(&data)?;
            builder = builder
                .data_content_type(content_type)
                .data(form, Bytes::from(data));
        }
        builder.build().or_exit(Exit::Usage)
    }

    /// The event as headers and body, in the mode asked for.
    pub(super) fn encode(&self, event: &Event) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        let body = if self.args.structured {
            codec::encode_structured(event, &mut headers)
        } else {
            codec::encode_binary(event, &mut headers)
        };
        (headers, body)
    }

    fn id(&self, number: Option<u64>) -> String {
        match (&self.args.id, number) {
            (None, _) => uuid::Uuid::now_v7().to_string(),
            (Some(id), None) => id.clone(),
            (Some(id), Some(number)) => format!("{id}-{number}"),
        }
    }

    /// The content type to declare for this data: as asked for, else what it is.
    fn content(&self, data: &[u8]) -> Outcome<(&str, DataForm)> {
        let is_json = serde_json::from_slice::<IgnoredAny>(data).is_ok();
        let is_text = std::str::from_utf8(data).is_ok();
        match &self.args.content_type {
            Some(content_type) => Ok((content_type, DataForm::Binary)),
            None if is_json => Ok(("application/json", DataForm::Binary)),
            None if is_text => Ok(("text/plain", DataForm::Binary)),
            None => Err(Failure::new(
                Exit::Usage,
                "the data is neither JSON nor text; say what it is with --content-type",
            )),
        }
    }
}
