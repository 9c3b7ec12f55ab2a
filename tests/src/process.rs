//! A child process that is always ended by its id and reaped, with its output kept in files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::eventually;

/// How much of its output a process shows when the test that owns it fails.
const TAIL_LINES: usize = 40;

/// A running (or ended) child process. Dropping it kills it by its id and waits for it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with its output in `logs/NAME.out` and `logs/NAME.err` (appended, so that a restart keeps
    /// the earlier lines) and nothing on its standard input.
    pub fn spawn(name: &str, command: &mut Command, logs: &Path) -> io::Result<Self> {
        let stdout = logs.join(format!("{name}.out"));
        let stderr = logs.join(format!("{name}.err"));
        let appended = |path: &Path| File::options().create(true).append(true).open(path);
        let child = command
            .stdin(Stdio::null())
            .stdout(appended(&stdout)?)
            .stderr(appended(&stderr)?)
            .spawn()?;
        Ok(Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
            ended: None,
        })
    }

    /// The operating system's id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child of ours can be waited for");
        }
        self.ended
    }

    /// Waits until it has ended by itself; panics with its last words when it has not within `deadline`.
    pub async fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        eventually(&what, deadline, || self.exited()).await
    }

    /// Sends SIGTERM; does not wait.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Stops the process where it stands, as a hung one; [`Self::resume`] lets it go on.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// `kill -9` and wait until it is gone.
    pub fn kill(&mut self) {
        if self.exited().is_none() {
            self.child.kill().expect("a running child of ours can be killed");
            self.ended = Some(
                self.child
                    .wait()
                    .expect("a killed child of ours can be waited for"),
            );
        }
    }

    /// All it wrote on standard output so far.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// All it wrote on standard error so far.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    fn signal(&mut self, signal: Signal) {
        if self.exited().is_none() {
            let sent = kill_process(Pid::from_child(&self.child), signal);
            sent.expect("a child that was not waited for can be signalled");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for (stream, words) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
                eprintln!("--- {} {stream}, its last lines\n{}", self.name, tail(&words));
            }
        }
    }
}

fn text(path: &Path) -> String {
    std::fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn tail(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
