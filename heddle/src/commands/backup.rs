//! `heddle backup`: has a running heddle write everything that it has acknowledged into a new directory.

use serde_json::json;

use crate::cli::backup::BackupArgs;
use crate::client::Client;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::limits;
use crate::output::{self, cell};

/// Asks for the backup and says what was written.
pub(crate) async fn run(args: BackupArgs) -> Outcome {
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let directory = std::path::absolute(&args.directory).or_exit(Exit::Usage)?;
    let directory = directory.to_str().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("{} is not text in UTF-8", args.directory.display()),
        )
    })?;
    let document = client
        .change_within(
            limits::BACKUP_TIMEOUT,
            "/api/v1/backup",
            &json!({ "directory": directory }),
        )
        .await?;
    let field = |pointer: &str| cell(&document.value, pointer);
    output::print(&format!(
        "{}\n  {} journal files, {} of them linked, {} bytes\n  start on it with: heddle run --data '{}' --config ...\n",
        field("/directory"),
        field("/segments"),
        field("/linked"),
        field("/bytes"),
        field("/directory"),
    ))
}
