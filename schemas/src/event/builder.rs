//! Building an event in code: every value is checked as it is given, the first mistake is kept until `build`.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::head::HeadWriter;
use super::invalid::{InvalidEvent, Problem};
use super::{DataForm, Event, SpecVersion, Value, media};
use crate::limits::Limits;

/// Builds an [`Event`], version 1.0 unless told otherwise.
pub struct EventBuilder {
    head: HeadWriter,
    mistake: Option<InvalidEvent>,
    form: DataForm,
    data: Bytes,
}

impl EventBuilder {
    pub(super) fn new() -> Self {
        let head = HeadWriter::new(&Limits::FORMAT, 256);
        Self {
            head,
            mistake: None,
            form: DataForm::Absent,
            data: Bytes::new(),
        }
    }

    /// Sets `specversion`.
    #[must_use]
    pub fn spec_version(self, version: SpecVersion) -> Self {
        self.set("specversion", Value::String(version.as_str()))
    }

    /// Sets `id`, unique together with the source.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        self.set("id", Value::String(id))
    }

    /// Sets `source`, a URI-reference.
    #[must_use]
    pub fn source(self, source: &str) -> Self {
        self.set("source", Value::UriReference(source))
    }

    /// Sets `type`.
    #[must_use]
    pub fn ty(self, ty: &str) -> Self {
        self.set("type", Value::String(ty))
    }

    /// Sets `subject`.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.set("subject", Value::String(subject))
    }

    /// Sets `time`, by RFC 3339; kept as written.
    #[must_use]
    pub fn time(self, time: &str) -> Self {
        self.set("time", Value::Timestamp(time))
    }

    /// Sets `datacontenttype`, a media type.
    #[must_use]
    pub fn data_content_type(self, media_type: &str) -> Self {
        self.set("datacontenttype", Value::String(media_type))
    }

    /// Sets `dataschema` (named `schemaurl` in version 0.3), a URI; kept as written.
    #[must_use]
    pub fn data_schema(self, schema: &str) -> Self {
        let version = self.head.version().unwrap_or(SpecVersion::V1_0);
        self.set(super::invalid::schema_name(version), Value::String(schema))
    }

    /// Sets any attribute, by name.
    ///
    /// # Errors
    ///
    /// [`InvalidEvent`] when the name or the value breaks a rule, or the attribute was set before.
    pub fn attribute<'v>(mut self, name: &str, value: impl Into<Value<'v>>) -> Result<Self, InvalidEvent> {
        self.head.set(name, value.into())?;
        Ok(self)
    }

    /// Sets the data. With [`DataForm::Absent`] the bytes must be empty.
    #[must_use]
    pub fn data(mut self, form: DataForm, data: impl Into<Bytes>) -> Self {
        self.form = form;
        self.data = data.into();
        self
    }

    /// Sets the data to the text of one JSON value and leaves the content type to [`Self::data_content_type`]; without
    /// one, `application/json` is implied.
    #[must_use]
    pub fn json(self, text: impl Into<Bytes>) -> Self {
        self.data(DataForm::Json, text)
    }

    /// Checks the whole and closes it.
    ///
    /// # Errors
    ///
    /// [`InvalidEvent`] for the first value that broke a rule, a missing required attribute, or data that is not what
    /// its form says.
    pub fn build(mut self) -> Result<Event, InvalidEvent> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        self.head.default_version(SpecVersion::V1_0);
        let media_type = self.head.get("datacontenttype").map(|attribute| attribute.value);
        check_data(self.form, &self.data, media_type).map_err(|problem| problem.of("data"))?;
        self.head.finish(self.form, self.data)
    }

    fn set(mut self, name: &str, value: Value<'_>) -> Self {
        if let Err(mistake) = self.head.set(name, value) {
            self.mistake.get_or_insert(mistake);
        }
        self
    }
}

fn check_data(form: DataForm, data: &[u8], media_type: Option<&str>) -> Result<(), Problem> {
    let is_json = media_type.is_none_or(media::is_json);
    match form {
        DataForm::Absent if !data.is_empty() => {
            Err(Problem::DataForm("no data was announced, but bytes were given"))
        }
        DataForm::Json if !is_json => Err(Problem::DataForm("a JSON value needs a JSON content type")),
        DataForm::Json if serde_json::from_slice::<&RawValue>(data).is_err() => {
            Err(Problem::DataForm("it is not one valid JSON value"))
        }
        DataForm::Text if is_json => Err(Problem::DataForm("text needs a content type that is not JSON")),
        DataForm::Text if std::str::from_utf8(data).is_err() => Err(Problem::DataForm("text must be UTF-8")),
        DataForm::Absent | DataForm::Binary | DataForm::Json | DataForm::Text | DataForm::Base64 => Ok(()),
    }
}
