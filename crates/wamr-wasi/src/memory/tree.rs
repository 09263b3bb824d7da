//! The nodes of a tree in memory: files, directories and symbolic links, what they cost, and who
//! still needs them. How paths lead to nodes stands in `resolve`.
//!
//! A node lives as long as a name leads to it or somebody has it open.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::content::Content;
use crate::errno::Errno;
use crate::file::{NewTimes, ns_since_epoch};
use crate::types::{FileStat, FileType};

/// The longest name of a node, as on common hosts.
pub(super) const MAX_NAME_BYTES: usize = 255;

/// What a node takes of the budget beside its content.
const NODE_COST_BYTES: u64 = 512;
/// What a name takes of the budget beside its bytes.
const NAME_COST_BYTES: u64 = 96;

/// The number of a tree's topmost directory.
pub(super) const ROOT: u64 = 1;

/// How much memory a tree takes, and how much it may take.
#[derive(Debug)]
pub(super) struct Budget {
    used_bytes: u64,
    limit_bytes: u64,
}

impl Budget {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { used_bytes: 0, limit_bytes }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Also the most that a single file may hold.
    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Checks that so much more fits.
    pub(super) fn check(&self, bytes: u64) -> Result<(), Errno> {
        match self.used_bytes.checked_add(bytes) {
            Some(sum) if sum <= self.limit_bytes => Ok(()),
            _ => Err(Errno::Nospc),
        }
    }

    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Errno> {
        self.check(bytes)?;
        self.used_bytes += bytes;
        Ok(())
    }

    pub(super) fn give_back(&mut self, bytes: u64) {
        self.used_bytes = self.used_bytes.saturating_sub(bytes);
    }
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    File(Content),
    Dir(Entries),
    Link(Box<str>),
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) names: BTreeMap<Box<str>, u64>,
    /// How many of them are directories.
    dirs: u64,
    /// The directory that this one is in; none if it was removed, or is the topmost.
    parent: Option<u64>,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    /// How many names lead here.
    names: u64,
    /// How often it is open.
    opens: u64,
    accessed: SystemTime,
    modified: SystemTime,
    changed: SystemTime,
}

impl Node {
    fn new(kind: Kind) -> Self {
        let now = SystemTime::now();
        Self { kind, names: 0, opens: 0, accessed: now, modified: now, changed: now }
    }

    fn cost_bytes(&self) -> u64 {
        NODE_COST_BYTES
            + match &self.kind {
                Kind::File(content) => content.cost_bytes(),
                Kind::Dir(_) => 0,
                Kind::Link(target) => target.len() as u64,
            }
    }

    /// Notes that the content was changed.
    fn touch(&mut self) {
        let now = SystemTime::now();
        (self.modified, self.changed) = (now, now);
    }
}

/// All nodes of a tree.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: HashMap<u64, Node>,
    next_ino: u64,
    device: u64,
    budget: Budget,
}

impl Tree {
    /// An empty directory.
    pub(super) fn new(limit_bytes: u64) -> Self {
        static NEXT_DEVICE: AtomicU64 = AtomicU64::new(0);
        let mut root = Node::new(Kind::Dir(Entries::default()));
        // It has no name, but stays, and whoever makes the tree has it open.
        (root.names, root.opens) = (1, 1);
        Self {
            nodes: HashMap::from([(ROOT, root)]),
            next_ino: ROOT + 1,
            // Hosts have small numbers.
            device: u64::MAX - NEXT_DEVICE.fetch_add(1, Ordering::Relaxed),
            budget: Budget::new(limit_bytes),
        }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    fn node(&self, ino: u64) -> Result<&Node, Errno> {
        // Whoever knows a number keeps its node alive.
        self.nodes.get(&ino).ok_or(Errno::Stale)
    }

    fn node_mut(&mut self, ino: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&ino).ok_or(Errno::Stale)
    }

    pub(super) fn kind(&self, ino: u64) -> Result<&Kind, Errno> {
        Ok(&self.node(ino)?.kind)
    }

    pub(super) fn is_dir(&self, ino: u64) -> bool {
        matches!(self.kind(ino), Ok(Kind::Dir(_)))
    }

    pub(super) fn filetype(&self, ino: u64) -> FileType {
        match self.kind(ino) {
            Ok(Kind::File(_)) => FileType::RegularFile,
            Ok(Kind::Dir(_)) => FileType::Directory,
            Ok(Kind::Link(_)) => FileType::SymbolicLink,
            Err(_) => FileType::Unknown,
        }
    }

    pub(super) fn entries(&self, dir: u64) -> Result<&Entries, Errno> {
        match self.kind(dir)? {
            Kind::Dir(entries) => Ok(entries),
            _ => Err(Errno::Notdir),
        }
    }

    fn entries_mut(&mut self, dir: u64) -> Result<&mut Entries, Errno> {
        match &mut self.node_mut(dir)?.kind {
            Kind::Dir(entries) => Ok(entries),
            _ => Err(Errno::Notdir),
        }
    }

    /// What has a name in a directory.
    pub(super) fn lookup(&self, dir: u64, name: &str) -> Result<Option<u64>, Errno> {
        if name.len() > MAX_NAME_BYTES {
            return Err(Errno::Nametoolong);
        }
        Ok(self.entries(dir)?.names.get(name).copied())
    }

    /// Whether `dir` is `inner`, or `inner` lies beneath it.
    pub(super) fn holds(&self, dir: u64, inner: u64) -> bool {
        let mut at = Some(inner);
        while let Some(ino) = at {
            if ino == dir {
                return true;
            }
            at = self.entries(ino).ok().and_then(|entries| entries.parent);
        }
        false
    }

    pub(super) fn filestat(&self, ino: u64) -> Result<FileStat, Errno> {
        let node = self.node(ino)?;
        let (size, nlink) = match &node.kind {
            Kind::File(content) => (content.len_bytes(), node.names),
            // Its own `.` is a name, and `..` in each of those in it.
            Kind::Dir(entries) if node.names > 0 => (entries.names.len() as u64, 2 + entries.dirs),
            Kind::Dir(_) => (0, 0),
            Kind::Link(target) => (target.len() as u64, node.names),
        };
        Ok(FileStat {
            dev: self.device,
            ino,
            filetype: self.filetype(ino),
            nlink,
            size,
            atim: ns_since_epoch(node.accessed),
            mtim: ns_since_epoch(node.modified),
            ctim: ns_since_epoch(node.changed),
        })
    }

    pub(super) fn set_times(&mut self, ino: u64, times: NewTimes) -> Result<(), Errno> {
        let node = self.node_mut(ino)?;
        node.accessed = times.accessed.unwrap_or(node.accessed);
        node.modified = times.modified.unwrap_or(node.modified);
        if times.accessed.or(times.modified).is_some() {
            node.changed = SystemTime::now();
        }
        Ok(())
    }

    /// Has the content of a file changed.
    pub(super) fn change<R>(
        &mut self,
        ino: u64,
        change: impl FnOnce(&mut Content, &mut Budget) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let node = self.nodes.get_mut(&ino).ok_or(Errno::Stale)?;
        let Kind::File(content) = &mut node.kind else { return Err(Errno::Badf) };
        let result = change(content, &mut self.budget)?;
        node.touch();
        Ok(result)
    }

    /// Makes a node under a name that is free.
    pub(super) fn create(&mut self, dir: u64, name: &str, kind: Kind) -> Result<u64, Errno> {
        self.check_alive(dir)?;
        let node = Node::new(kind);
        self.budget.check(node.cost_bytes() + name_cost(name))?;
        self.budget.take(node.cost_bytes())?;
        let ino = self.next_ino;
        self.next_ino += 1;
        self.nodes.insert(ino, node);
        self.attach(dir, name, ino)?;
        Ok(ino)
    }

    /// Refuses a directory that was removed, and is only still open.
    fn check_alive(&self, dir: u64) -> Result<(), Errno> {
        if self.node(dir)?.names == 0 { Err(Errno::Noent) } else { Ok(()) }
    }

    /// Gives a node another name, which is free.
    pub(super) fn attach(&mut self, dir: u64, name: &str, ino: u64) -> Result<(), Errno> {
        self.check_alive(dir)?;
        self.budget.take(name_cost(name))?;
        let node = self.node_mut(ino)?;
        node.changed = SystemTime::now();
        node.names += 1;
        let is_dir = match &mut node.kind {
            Kind::Dir(entries) => {
                entries.parent = Some(dir);
                true
            }
            _ => false,
        };
        let entries = self.entries_mut(dir)?;
        entries.names.insert(name.into(), ino);
        entries.dirs += u64::from(is_dir);
        self.node_mut(dir)?.touch();
        Ok(())
    }

    /// Takes a name away, and with the last its node, unless that is open.
    pub(super) fn detach(&mut self, dir: u64, name: &str) -> Result<(), Errno> {
        let ino = self.take_name(dir, name)?;
        self.free_unneeded(ino);
        Ok(())
    }

    /// Takes a name away, and gives what had it.
    fn take_name(&mut self, dir: u64, name: &str) -> Result<u64, Errno> {
        let ino = self.entries_mut(dir)?.names.remove(name).ok_or(Errno::Noent)?;
        self.budget.give_back(name_cost(name));
        let node = self.node_mut(ino)?;
        node.changed = SystemTime::now();
        node.names = node.names.saturating_sub(1);
        let is_dir = match &mut node.kind {
            Kind::Dir(entries) => {
                entries.parent = None;
                true
            }
            _ => false,
        };
        let entries = self.entries_mut(dir)?;
        entries.dirs = entries.dirs.saturating_sub(u64::from(is_dir));
        self.node_mut(dir)?.touch();
        Ok(ino)
    }

    /// Gives what has one name another, where what had that goes. All of it happens, or nothing.
    pub(super) fn rename(
        &mut self,
        (old_dir, old_name): (u64, &str),
        (new_dir, new_name): (u64, &str),
    ) -> Result<(), Errno> {
        self.check_alive(new_dir)?;
        if self.lookup(new_dir, new_name)?.is_some() {
            self.detach(new_dir, new_name)?;
        } else {
            // A shorter name always fits.
            self.budget.check(name_cost(new_name).saturating_sub(name_cost(old_name)))?;
        }
        let ino = self.take_name(old_dir, old_name)?;
        self.attach(new_dir, new_name, ino)
    }

    /// Notes that somebody has a node open.
    pub(super) fn open(&mut self, ino: u64) -> Result<(), Errno> {
        self.node_mut(ino)?.opens += 1;
        Ok(())
    }

    /// Notes that somebody who had a node open is done.
    pub(super) fn close(&mut self, ino: u64) {
        if let Ok(node) = self.node_mut(ino) {
            node.opens = node.opens.saturating_sub(1);
        }
        self.free_unneeded(ino);
    }

    fn free_unneeded(&mut self, ino: u64) {
        let is_needed = |node: &Node| node.names > 0 || node.opens > 0;
        if self.nodes.get(&ino).is_none_or(is_needed) {
            return;
        }
        if let Some(node) = self.nodes.remove(&ino) {
            self.budget.give_back(node.cost_bytes());
        }
    }
}

fn name_cost(name: &str) -> u64 {
    NAME_COST_BYTES + name.len() as u64
}
