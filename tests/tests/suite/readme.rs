//! README.md as a test: its marked commands are run as they are written, and print what it says.
//!
//! A fenced block ` ```sh test=NAME ` is run by bash, all blocks of a name in one shell, in an empty folder where
//! `heddle` is on the PATH and `examples/` is the repository's, in a network of its own, so that the README's ports are
//! free. A block ` ```text printed=NAME ` lists lines that must be printed, in that order.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use harness::isolated::isolated;
use harness::not_run::not_run;
use harness::process::Process;
use harness::{PATIENCE, eventually, repository};

/// The marked blocks of one name.
#[derive(Debug, Default)]
struct Session {
    script: String,
    printed: Vec<String>,
}

/// Reads the marked blocks.
fn sessions(readme: &str) -> BTreeMap<String, Session> {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines
            .by_ref()
            .take_while(|line| !line.starts_with("```"))
            .collect();
        if let Some(name) = info.strip_prefix("sh test=") {
            sessions
                .entry(name.to_owned())
                .or_default()
                .script
                .extend(block.iter().map(|line| format!("{line}\n")));
        } else if let Some(name) = info.strip_prefix("text printed=") {
            let session = sessions.entry(name.to_owned()).or_default();
            session
                .printed
                .extend(block.iter().map(|line| (*line).to_owned()));
        }
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn the_marked_commands_of_the_readme_run_as_written() {
    let sessions = sessions(&repository::read("README.md"));
    assert!(
        !sessions.is_empty(),
        "README.md marks commands with ```sh test=NAME"
    );
    for (name, session) in sessions {
        if let Err(why) = run(&name, &session).await {
            not_run(&format!("README.md's commands `{name}`"), &why);
        }
    }
}

/// Runs one session; an error says why it could not be run here.
async fn run(name: &str, session: &Session) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    symlink(repository::top().join("examples"), folder.path().join("examples")).expect("a link");
    // What it started in the background ends with it.
    let script = format!(
        "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{}",
        session.script
    );
    let mut command = isolated("bash", &["-c", &script], folder.path())?;
    let binaries = repository::heddle()
        .parent()
        .expect("the binary lies in a folder")
        .to_owned();
    let path = format!(
        "{}:{}",
        binaries.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut process = Process::spawn(name, command.env("PATH", path), folder.path()).expect("bash starts");
    let status = eventually(&format!("the README's {name} ends"), 3 * PATIENCE, || {
        process.exited()
    })
    .await;
    let (stdout, stderr) = (process.stdout(), process.stderr());
    assert!(status.success(), "{name}: {status}\n{stdout}\n{stderr}");
    let mut printed = stdout.lines();
    for line in session.printed.iter().filter(|line| !line.trim().is_empty()) {
        assert!(
            printed.any(|seen| seen.trim_end() == line.trim_end()),
            "{name} prints {line:?}:\n{stdout}"
        );
    }
    Ok(())
}

#[test]
fn the_readme_names_the_two_commands_that_set_everything_up() {
    let readme = repository::read("README.md");
    for command in ["make run", "make test"] {
        assert!(readme.contains(command), "README.md names `{command}`");
    }
    let makefile = repository::read("Makefile");
    for line in readme.lines().filter_map(|line| line.strip_prefix("make ")) {
        let target = line.split_whitespace().next().unwrap_or_default();
        assert!(
            makefile.contains(&format!("\n{target}:")),
            "README.md names `make {target}`, which does not exist"
        );
    }
}

#[test]
fn every_path_that_the_readme_links_to_exists() {
    let readme = repository::read("README.md");
    for part in readme.split("](").skip(1) {
        let link = part.split([')', '#']).next().unwrap_or_default();
        if !link.is_empty() && !link.contains("://") {
            assert!(
                Path::new(repository::top()).join(link).exists(),
                "README.md links to {link}"
            );
        }
    }
}
