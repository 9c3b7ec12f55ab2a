//! `heddle trigger`: moves a trigger's position by the admin API.

use serde_json::{Value, json};

use crate::cli::trigger::{
    ForgetArgs, OfTrigger, PauseArgs, ReleaseArgs, ResumeArgs, SeekArgs, TriggerCommand,
};
use crate::client::{Client, Document};
use crate::exit::Outcome;
use crate::limits;
use crate::output::{self, cell};

/// Asks for the change and says what is so now.
pub(crate) async fn run(command: TriggerCommand) -> Outcome {
    match command {
        TriggerCommand::Pause(args) => pause(args).await,
        TriggerCommand::Resume(args) => resume(args).await,
        TriggerCommand::Seek(args) => seek(args).await,
        TriggerCommand::Forget(args) => forget(args).await,
        TriggerCommand::Release(args) => release(args).await,
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

async fn seek(args: SeekArgs) -> Outcome {
    let body = json!({ "to": args.to, "dryRun": args.dry_run });
    let sought = change(&args.of, "seek", body).await?;
    let field = |name: &str| cell(&sought.value, name);
    let (from, to, between) = (field("/from"), field("/to"), field("/between"));
    let name = args.of.name;
    output::print(&if args.dry_run {
        format!("trigger {name} would move from {from} to {to}: {between} events of the broker lie between\n")
    } else {
        let skipped = field("/skipped");
        format!("trigger {name} goes on at {to} (it was at {from}); {skipped} events are skipped\n")
    })
}

async fn forget(args: ForgetArgs) -> Outcome {
    let forgotten = change(&args.of, "forget", json!({})).await?;
    output::print(&format!(
        "trigger {} is forgotten, with {} events that it had not had\n",
        args.of.name,
        cell(&forgotten.value, "/unsettled")
    ))
}

async fn release(args: ReleaseArgs) -> Outcome {
    let ReleaseArgs { of, key, skip } = args;
    let body = json!({ "key": key, "skip": skip });
    let released = change(&of, "release", body).await?;
    let sequence = cell(&released.value, "/sequence");
    let became = if skip {
        "is in the dead-letter store; its key goes on without it"
    } else {
        "is tried afresh"
    };
    output::print(&format!("event {sequence} of trigger {} {became}\n", of.name))
}

async fn change(of: &OfTrigger, command: &str, body: Value) -> Outcome<Document> {
    let client = Client::new(&of.admin.admin, of.admin.token_file.as_deref())?;
    // A seek waits for what is in flight.
    let patience = limits::CLIENT_TIMEOUT + broker::limits::SEEK_WAIT_MAX;
    let path = format!("/api/v1/triggers/{}/{command}", of.name);
    client.change_within(patience, &path, &body).await
}

/// What is stored and not yet accounted for, matched or not, in words.
fn waiting(trigger: &Value) -> String {
    let count = |field: &str| cell(trigger, field).parse::<u64>().unwrap_or_default();
    (count("/backlog") + count("/pending") + count("/waitingRetry") + count("/behindKey")).to_string()
}
