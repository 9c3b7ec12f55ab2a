//! Schemas and what is said about types of events: at which brokers' doors they stand.

use schemas::resources::Kind;
use schemas::resources::event_type::EventType;
use schemas::resources::schema::{Schema, SchemaText, compile_file};
use schemas::resources::value::Origin;
use schemas::yaml::Problem;

use super::Resolver;
use crate::config::plan;

impl Resolver<'_> {
    /// `brokers` are all there are. One that stands at no door is a mistake: it would hold nothing to anything.
    pub(super) fn schema(&mut self, schema: &Schema, brokers: &[plan::Broker]) -> Option<plan::Schema> {
        let identity = &schema.meta.identity;
        let has_broker = schema.broker.as_ref().is_none_or(|broker| {
            self.catalogue
                .expect(Kind::Broker, &broker.value, &broker.place, &mut self.problems)
        });
        let compiled = match &schema.schema {
            SchemaText::Inline(compiled) => Some(compiled.clone()),
            SchemaText::File(file) => {
                let text = self.text(file)?;
                let path = match &file.origin {
                    Origin::File(path) => path.as_str(),
                    Origin::Text(_) | Origin::Entry { .. } => "",
                };
                let compiled = compile_file(&file.place, path, &text);
                compiled.map_err(|problem| self.problems.push(problem)).ok()
            }
        };
        has_broker.then_some(())?;
        let of = brokers.iter().map(|broker| &broker.name);
        let of: Vec<_> = of.filter(|broker| schema.is_for(broker)).cloned().collect();
        if of.is_empty() {
            let message = format!(
                "no broker is in namespace \"{}\": this schema would be put to no event",
                identity.name.namespace()
            );
            let help = "give it the namespace of its broker in metadata.namespace";
            self.problems
                .push(Problem::error(&identity.place, message).with_help(help));
        }
        Some(plan::Schema {
            name: identity.name.clone(),
            brokers: of,
            ty: schema.events.ty.clone(),
            data_schema: schema.events.data_schema.clone(),
            mode: schema.mode,
            schema: compiled?,
        })
    }

    pub(super) fn event_type(&mut self, event_type: &EventType) -> Option<plan::EventType> {
        let broker = event_type.broker.as_ref();
        let has_broker = broker.is_none_or(|broker| {
            self.catalogue
                .expect(Kind::Broker, &broker.value, &broker.place, &mut self.problems)
        });
        has_broker.then(|| plan::EventType {
            name: event_type.meta.identity.name.clone(),
            broker: broker.map(|broker| broker.value.clone()),
            ty: event_type.ty.clone(),
            source: event_type.source.clone(),
            schema: event_type.schema.clone(),
            description: event_type.description.clone(),
        })
    }
}
