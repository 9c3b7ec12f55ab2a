//! The disk: files with what is durable of them and what is not yet, and names likewise.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::inode::{Change, Inode};
use super::{Counts, Operation};

/// Index of a file on the disk.
pub(super) type InodeId = usize;

/// See the module.
#[derive(Default)]
pub(super) struct Disk {
    inodes: Vec<Inode>,
    pub(super) names: BTreeMap<PathBuf, InodeId>,
    durable_names: BTreeMap<PathBuf, InodeId>,
    pending_names: Vec<NameChange>,
    /// Handles of an earlier life are dead.
    pub(super) life: u64,
    /// Changes until the process dies, and of which files; at zero it is dead.
    pub(super) death: Option<(u64, String)>,
    pub(super) locked: HashSet<InodeId>,
    pub(super) quota: Option<u64>,
    pub(super) counts: Counts,
    faults: Vec<Fault>,
}

/// A change to the names.
#[derive(Clone)]
pub(super) enum NameChange {
    Add(PathBuf, InodeId),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

struct Fault {
    operation: Operation,
    name_ends_with: String,
    /// Fails when it comes to zero.
    left: u64,
}

impl Disk {
    pub(super) fn inode(&self, path: &Path) -> io::Result<&Inode> {
        let inode = self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(&self.inodes[*inode])
    }

    pub(super) fn inode_mut(&mut self, inode: InodeId) -> &mut Inode {
        &mut self.inodes[inode]
    }

    pub(super) fn create(&mut self, path: &Path) -> InodeId {
        if let Some(inode) = self.names.get(path).copied() {
            self.inodes[inode].change(Change::SetLength(0));
            return inode;
        }
        self.inodes.push(Inode::default());
        let inode = self.inodes.len() - 1;
        self.change_name(NameChange::Add(path.to_owned(), inode));
        inode
    }

    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) {
        let inode = self.create(path);
        self.inodes[inode] = Inode::durable(bytes);
        self.durable_names.insert(path.to_owned(), inode);
    }

    pub(super) fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    pub(super) fn sync_dir(&mut self, directory: &Path) -> io::Result<()> {
        self.check_death(None)?;
        self.check_fault(Operation::SyncDir, &directory.to_string_lossy())?;
        for change in self.pending_names.drain(..) {
            change.apply(&mut self.durable_names);
        }
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: InodeId) -> io::Result<()> {
        self.check_death(Some(inode))?;
        self.counts.syncs += 1;
        let fault = self.check_fault(Operation::Sync, &self.name_of(inode));
        let file = &mut self.inodes[inode];
        if fault.is_err() {
            // Some of it got there; the rest counts as clean from now on, and no later sync writes it.
            file.settle(&mut Rng::with_seed(self.counts.syncs));
        } else {
            file.sync();
        }
        fault
    }

    /// Whether the file may grow to this length.
    pub(super) fn check_quota(&self, inode: InodeId, length: usize) -> io::Result<()> {
        let growth = length.saturating_sub(self.inodes[inode].current.len()) as u64;
        match self.quota {
            Some(quota) if growth > 0 && self.used_bytes() + growth > quota => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.names
            .values()
            .map(|inode| self.inodes[*inode].current.len() as u64)
            .sum()
    }

    pub(super) fn fail(&mut self, operation: Operation, name_ends_with: &str, nth: u64) {
        self.faults.push(Fault {
            operation,
            name_ends_with: name_ends_with.to_owned(),
            left: nth,
        });
    }

    /// Counts the operation down in every fault that waits for it.
    pub(super) fn check_fault(&mut self, operation: Operation, name: &str) -> io::Result<()> {
        let mut failed = false;
        self.faults.retain_mut(|fault| {
            if fault.operation == operation && name.ends_with(&fault.name_ends_with) {
                fault.left -= 1;
                failed |= fault.left == 0;
            }
            fault.left > 0
        });
        if failed {
            Err(io::Error::other("simulated input/output error"))
        } else {
            Ok(())
        }
    }

    pub(super) fn check_alive(&self) -> io::Result<()> {
        match self.death {
            Some((0, _)) => Err(io::Error::other("the process has died")),
            _ => Ok(()),
        }
    }

    /// Before a change to a file, or to a directory: the process may die of it.
    pub(super) fn check_death(&mut self, inode: Option<InodeId>) -> io::Result<()> {
        let name = inode.map(|inode| self.name_of(inode));
        if let Some((left, name_ends_with)) = &mut self.death
            && name.is_none_or(|name| name.ends_with(name_ends_with.as_str()))
        {
            *left = left.saturating_sub(1);
        }
        self.check_alive()
    }

    pub(super) fn name_of(&self, inode: InodeId) -> String {
        let named = self.names.iter().find(|(_, named)| **named == inode);
        named
            .map(|(path, _)| path.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// See [`super::SimFs::power_cut`]. Each file draws from a generator of its own, so that what happens to one does
    /// not depend on which others there are.
    pub(super) fn power_cut(&mut self, seed: u64) {
        self.end_process();
        for change in std::mem::take(&mut self.pending_names) {
            // Names are journaled by the file system: they survive in order, up to some point.
            if generator(seed, change.path()).bool() {
                break;
            }
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        for (path, inode) in &self.names {
            self.inodes[*inode].lose_power(&mut generator(seed, path));
        }
    }

    pub(super) fn end_process(&mut self) {
        self.life += 1;
        self.locked.clear();
        self.death = None;
        self.faults.clear();
    }

    pub(super) fn fork(&self) -> Disk {
        Disk {
            inodes: self.inodes.clone(),
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            pending_names: self.pending_names.clone(),
            quota: self.quota,
            ..Disk::default()
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, InodeId>) {
        match self {
            NameChange::Add(path, inode) => drop(names.insert(path.clone(), *inode)),
            NameChange::Remove(path) => drop(names.remove(path)),
            NameChange::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            NameChange::Add(path, _) | NameChange::Remove(path) | NameChange::Rename(path, _) => path,
        }
    }
}

fn generator(seed: u64, path: &Path) -> Rng {
    let name = path.to_string_lossy();
    Rng::with_seed(seed ^ u64::from(crc_fast::crc32_iscsi(name.as_bytes())))
}
