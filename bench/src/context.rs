//! What every scenario is given: how long to measure, which binary, where data may lie.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::cli::{Mode, RunArgs};
use crate::load::Extent;
use crate::process::Server;

/// See the module.
#[derive(Debug)]
pub(crate) struct Bench {
    mode: Mode,
    heddle: PathBuf,
    data: PathBuf,
}

/// A yardstick or a sink, with the folder that it writes into.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) server: Server,
    /// Removed after the server has ended: fields are dropped in order.
    _folder: TempDir,
}

impl Bench {
    pub(crate) fn new(args: &RunArgs) -> Result<Self> {
        let beside = || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("heddle"));
        let heddle = args.heddle.clone().map_or_else(beside, Ok)?;
        ensure!(
            heddle.is_file(),
            "{} is not there; `make bench` builds it",
            heddle.display()
        );
        std::fs::create_dir_all(&args.data).with_context(|| args.data.display().to_string())?;
        Ok(Self {
            mode: args.mode,
            heddle: heddle.canonicalize()?,
            data: args.data.canonicalize()?,
        })
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The binary under test.
    pub(crate) fn heddle(&self) -> &Path {
        &self.heddle
    }

    /// The folder under which all data lie.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A new folder on the disk that is measured; removed when it is dropped.
    pub(crate) fn folder(&self, name: &str) -> Result<TempDir> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(&self.data);
        folder.with_context(|| self.data.display().to_string())
    }

    /// How long one side of a round is under load.
    pub(crate) fn extent(&self) -> Extent {
        Extent::Time {
            warm_up: self.mode.warm_up(),
            measured: self.mode.measured(),
        }
    }

    /// Starts one of this binary's servers.
    pub(crate) fn aside(&self, name: &str, arguments: &[&str]) -> Result<Aside> {
        let folder = self.folder(name)?;
        Ok(Aside {
            server: Server::start(name, arguments, folder.path())?,
            _folder: folder,
        })
    }

    /// The yardstick of durable ingest.
    pub(crate) fn fsync_server(&self) -> Result<Aside> {
        let folder = self.folder("fsync")?;
        let file = folder.path().join("file");
        let file = file.to_str().context("a path that is text")?;
        Ok(Aside {
            server: Server::start("fsync", &["fsync", "--file", file], folder.path())?,
            _folder: folder,
        })
    }
}
