//! `heddle filter explain`: which clause of a trigger's filter decided about an event, and where it is written. Asks a
//! running heddle, or reads a configuration.

use schemas::codec::json;
use schemas::resources::Resource;
use schemas::resources::trigger::Trigger;
use serde_json::value::RawValue;

use crate::cli::filter::{ExplainArgs, ExplainOutput, FilterAction, FilterCommand};
use crate::client::Client;
use crate::commands::sql::event_of;
use crate::config::load;
use crate::configuration::Configuration;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::explanation::Explanation;
use crate::limits::CLIENT_TIMEOUT;
use crate::output;

/// Runs one of the group's commands.
pub(crate) async fn run(command: &FilterCommand) -> Outcome {
    match &command.action {
        FilterAction::Explain(args) => explain(args).await,
    }
}

async fn explain(args: &ExplainArgs) -> Outcome {
    let event = event_of(&args.event)?;
    let explanation = if args.config.is_empty() {
        let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
        // As it was read: numbers and the order of members are kept.
        let event = String::from_utf8(json::encode(&event).into()).or_exit(Exit::Internal)?;
        let event = RawValue::from_string(event).or_exit(Exit::Internal)?;
        let path = format!("/api/v1/triggers/{}/explain", args.trigger);
        let body = format!(r#"{{"event":{event}}}"#);
        let answered = client.change_text(CLIENT_TIMEOUT, &path, body).await?;
        serde_json::from_str(&answered.text).or_exit(Exit::Io)?
    } else {
        let trigger = trigger_of(args)?;
        Explanation::new(&args.trigger, &trigger.filter, &trigger.conditions, &event)
    };
    match args.output {
        ExplainOutput::Text => output::print(&explanation.text()),
        ExplainOutput::Json => {
            let json = serde_json::to_string_pretty(&explanation).or_exit(Exit::Internal)?;
            output::print(&format!("{json}\n"))
        }
    }
}

/// The trigger as it is written in a configuration that has no errors.
fn trigger_of(args: &ExplainArgs) -> Outcome<Trigger> {
    Configuration::read(&args.config)?;
    let loaded = load::load(&args.config).or_exit(Exit::Io)?;
    let resources = loaded
        .documents
        .into_iter()
        .flat_map(|document| document.decoded.resources);
    resources
        .filter_map(|resource| match resource {
            Resource::Trigger(trigger) => Some(*trigger),
            _ => None,
        })
        .find(|trigger| trigger.meta.identity.name == args.trigger)
        .ok_or_else(|| {
            let message = format!("the configuration has no Trigger {}", args.trigger);
            Failure::new(Exit::Data, message)
        })
}
