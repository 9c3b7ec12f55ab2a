//! A child process that is always ended by its id and reaped.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::usage::{Memory, Usage};

/// A running child. Dropping it kills it by its id and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// One of this binary's own servers: says its address once it listens, and ends when its standard input does, which
/// happens also when the bench is killed.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    address: SocketAddr,
}

impl Process {
    /// Starts a command with all it says in `NAME.log` of this folder.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Self { child, log })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error with what it said when it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                bail!("{} ended ({status}):\n{said}", self.log.display())
            }
        }
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.id())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.id())
    }

    /// Ends it at once and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // One that has ended already is what was wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Starts this binary with these arguments and waits until it says where it listens.
    pub(crate) fn start(name: &str, arguments: &[&str], folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let stdout = child.stdout.take();
        let mut process = Process { child, log };
        let mut line = String::new();
        BufReader::new(stdout.context("a piped output")?).read_line(&mut line)?;
        match line.trim().parse() {
            Ok(address) => Ok(Self { process, address }),
            Err(_) => {
                process.kill();
                process.still_runs()?;
                bail!("{name} said {line:?} instead of its address")
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }
}

/// Said by a [`Server`] when it listens.
pub(crate) fn say_address(address: SocketAddr) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{address}")?;
    Ok(stdout.flush()?)
}
