//! What every scenario is given: how long to measure, which binary, where data may lie.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::cli::{Mode, RunArgs};
use crate::disk::{Disk, make_zeros};
use crate::load::Extent;
use crate::process::Server;
use crate::rounds::Pace;
use crate::scenario::Scenario;

/// Name of the file of zeros.
const ZEROS: &str = "zeros";

/// See the module.
#[derive(Debug)]
pub(crate) struct Bench {
    mode: Mode,
    heddle: PathBuf,
    data: PathBuf,
    /// Holds the file of [`Bench::zeros`].
    scratch: TempDir,
    nats_server: PathBuf,
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
        let data = args.data.canonicalize()?;
        let scratch = folder_in(&data, "zeros")?;
        make_zeros(&scratch.path().join(ZEROS))?;
        Ok(Self {
            mode: args.mode,
            heddle: heddle.canonicalize()?,
            data,
            scratch,
            nats_server: std::path::absolute(&args.nats_server)?,
        })
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// How many rounds of a scenario are played.
    pub(crate) fn pace(&self, scenario: Scenario) -> Pace {
        self.mode.pace(scenario.seconds)
    }

    /// The binary under test.
    pub(crate) fn heddle(&self) -> &Path {
        &self.heddle
    }

    /// The nats-server to compare with, where it should be.
    pub(crate) fn nats_server(&self) -> &Path {
        &self.nats_server
    }

    /// The folder under which all data lie.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A new folder on the disk that is measured; removed when it is dropped.
    pub(crate) fn folder(&self, name: &str) -> Result<TempDir> {
        folder_in(&self.data, name)
    }

    /// A file of zeros on the disk that is measured, for one yardstick at a time.
    pub(crate) fn zeros(&self) -> PathBuf {
        self.scratch.path().join(ZEROS)
    }

    /// The disk itself.
    pub(crate) fn disk(&self) -> Result<Disk> {
        Disk::open(&self.zeros())
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
        let file = self.zeros();
        let file = file.to_str().context("a path that is text")?;
        self.aside("fsync", &["fsync", "--file", file])
    }
}

fn folder_in(data: &Path, name: &str) -> Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(data);
    folder.with_context(|| data.display().to_string())
}
