//! `heddle trigger`: moves a trigger's position by the admin API.

use serde_json::{Value, json};

use crate::cli::trigger::{OfTrigger, PauseArgs, ResumeArgs, TriggerCommand};
use crate::client::{Client, Document};
use crate::exit::Outcome;
use crate::output::{self, cell};

/// Asks for the change and says what is so now.
pub(crate) async fn run(command: TriggerCommand) -> Outcome {
    match command {
        TriggerCommand::Pause(args) => pause(args).await,
        TriggerCommand::Resume(args) => resume(args).await,
    }
}

async fn pause(args: PauseArgs) -> Outcome {
    let paused = change(&args.of, "pause", json!({ "reason": args.reason })).await?;
    output::print(&format!(
        "trigger {} is paused; {} events wait\n",
        args.of.name,
        waiting(&paused.value)
    ))
}

async fn resume(args: ResumeArgs) -> Outcome {
    change(&args.of, "resume", json!({})).await?;
    output::print(&format!("trigger {} goes on\n", args.of.name))
}

async fn change(of: &OfTrigger, command: &str, body: Value) -> Outcome<Document> {
    let client = Client::new(&of.admin.admin, of.admin.token_file.as_deref())?;
    client
        .change(&format!("/api/v1/triggers/{}/{command}", of.name), &body)
        .await
}

/// What is stored and not yet accounted for, matched or not, in words.
fn waiting(trigger: &Value) -> String {
    let count = |field: &str| cell(trigger, field).parse::<u64>().unwrap_or_default();
    (count("/backlog") + count("/pending") + count("/waitingRetry")).to_string()
}
