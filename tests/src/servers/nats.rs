//! A real nats-server with JetStream on a free port.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::free_port;
use crate::process::Process;
use crate::repository;
use crate::wait::{PATIENCE, eventually_async};

/// A running nats-server. Dropping it kills the process and removes its store.
#[derive(Debug)]
pub struct NatsServer {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl NatsServer {
    /// Starts a server of the test's own, or says why there is none.
    pub async fn start() -> Result<Self, String> {
        binary()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..5 {
            let port = free_port();
            let mut process = spawn(&folder, port);
            if ready(&mut process, port).await {
                return Ok(Self {
                    process,
                    port,
                    folder,
                });
            }
        }
        Err("nats-server did not start on five free ports".to_owned())
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A client of the official library.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url())
            .await
            .expect("a ready server takes connections")
    }

    /// `kill -9` and start again on the same port and store.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(&self.folder, self.port);
        assert!(
            ready(&mut self.process, self.port).await,
            "nats-server starts again on its port"
        );
    }
}

/// Waits until the server takes a client; false when it ended instead (the port was taken).
async fn ready(process: &mut Process, port: u16) -> bool {
    let url = format!("nats://127.0.0.1:{port}");
    eventually_async("nats-server takes connections", PATIENCE, || {
        let (ended, url) = (process.exited().is_some(), url.clone());
        async move {
            if ended {
                return Some(false);
            }
            async_nats::connect(&url).await.ok().map(|_| true)
        }
    })
    .await
}

fn spawn(folder: &TempDir, port: u16) -> Process {
    let mut command = Command::new(binary().expect("looked at before"));
    command.args([
        "--addr",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--jetstream",
        "--store_dir",
    ]);
    command.arg(folder.path().join("store"));
    Process::spawn("nats-server", &mut command, folder.path()).expect("nats-server starts")
}

fn binary() -> Result<PathBuf, String> {
    let path = repository::servers().join("nats/nats-server");
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!(
            "{} is not there (scripts/servers gets it)",
            path.display()
        ))
    }
}
