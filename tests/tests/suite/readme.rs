//! README.md as a test: its marked commands are run as they are written, and print what it says.
//!
//! A fenced block ` ```sh NAME ` is run by bash in an empty folder where `heddle` is on the PATH and `examples/` is the
//! repository's, in a network of its own, so that the README's ports are free. The sentence "The last line prints `X`"
//! after it says what must be printed last.

use std::os::unix::fs::symlink;
use std::path::Path;

use harness::isolated::isolated;
use harness::not_run::not_run;
use harness::process::Process;
use harness::{PATIENCE, eventually, repository};

/// A marked block.
#[derive(Debug)]
struct Session {
    name: String,
    script: String,
    last_line: Option<String>,
}

/// Reads the marked blocks.
fn sessions(readme: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let script = lines
                .by_ref()
                .take_while(|line| !line.starts_with("```"))
                .map(|line| format!("{line}\n"));
            let script = script.collect();
            if let Some(name) = info.strip_prefix("sh ") {
                sessions.push(Session {
                    name: name.to_owned(),
                    script,
                    last_line: None,
                });
            }
        } else if let (Some(promise), Some(session)) =
            (line.strip_prefix("The last line prints `"), sessions.last_mut())
        {
            session.last_line = promise.split('`').next().map(str::to_owned);
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
    for session in sessions {
        if let Err(why) = run(&session).await {
            not_run(&format!("README.md's commands `{}`", session.name), &why);
        }
    }
}

/// Runs one session; an error says why it could not be run here.
async fn run(session: &Session) -> Result<(), String> {
    let name = &session.name;
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
    if let Some(last) = &session.last_line {
        assert_eq!(
            stdout.lines().last(),
            Some(last.as_str()),
            "{name} prints:\n{stdout}\n{stderr}"
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
