//! What a guest does with a tree in memory: directories and files that are open. Errors are those
//! that Linux gives for a directory of the host. Permissions stand in `dir` and `file`.

use std::cell::Cell;
use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::content::Content;
use super::resolve::{Found, Last, MAX_PATH_BYTES, parent, walk, without_slashes};
use super::tree::{Entries, Kind, ROOT, Tree};
use crate::errno::Errno;
use crate::file::NewTimes;
use crate::types::{FileStat, FileType, Whence};

/// A node that is open, and lives at least as long.
pub(super) struct Open {
    tree: Arc<Mutex<Tree>>,
    ino: u64,
}

impl Open {
    /// Opens a node of a tree that is locked already.
    fn new(shared: &Arc<Mutex<Tree>>, tree: &mut Tree, ino: u64) -> Result<Self, Errno> {
        tree.open(ino)?;
        Ok(Self { tree: shared.clone(), ino })
    }

    fn lock(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tree.lock().close(self.ino);
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("ino", &self.ino).finish_non_exhaustive()
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// A symbolic link at the end of the path is followed.
    pub(crate) follow: bool,
    pub(crate) create: bool,
    /// It must not be there yet.
    pub(crate) exclusive: bool,
    pub(crate) truncate: bool,
    pub(crate) write: bool,
}

/// What was opened.
#[derive(Debug)]
pub(crate) enum Opened {
    Dir(DirNode),
    File(FileNode),
}

/// An open directory. Clones are the same directory.
#[derive(Clone, Debug)]
pub(crate) struct DirNode(Arc<Open>);

impl DirNode {
    /// The topmost directory of a new tree.
    pub(super) fn new(limit_bytes: u64) -> Self {
        // A new tree counts whoever made it.
        let tree = Arc::new(Mutex::new(Tree::new(limit_bytes)));
        Self(Arc::new(Open { tree, ino: ROOT }))
    }

    /// How much memory the whole tree takes, and how much it may take.
    pub(super) fn budget_bytes(&self) -> (u64, u64) {
        let tree = self.0.lock();
        (tree.budget().used_bytes(), tree.budget().limit_bytes())
    }

    pub(crate) fn filestat(&self) -> Result<FileStat, Errno> {
        self.0.lock().filestat(self.0.ino)
    }

    /// Tells names, what they are, and their numbers, in the order of names.
    pub(crate) fn for_each_entry(
        &self,
        mut found: impl FnMut(&str, FileType, u64) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let tree = self.0.lock();
        for (name, &ino) in &tree.entries(self.0.ino)?.names {
            found(name, tree.filetype(ino), ino)?;
        }
        Ok(())
    }

    pub(crate) fn open_at(&self, path: &str, how: How) -> Result<Opened, Errno> {
        let How { create, exclusive, truncate, write, .. } = how;
        let tree = &mut *self.0.lock();
        let follow = how.follow && !(create && exclusive);
        let ino = match walk(tree, self.0.ino, path, Last { follow, create })? {
            Found::Missing { dir, name } if create => {
                tree.create(dir, &name, Kind::File(Content::default()))?
            }
            Found::Missing { .. } => return Err(Errno::Noent),
            Found::Node(_) if create && exclusive => return Err(Errno::Exist),
            Found::Node(ino) => ino,
        };
        match tree.kind(ino)? {
            Kind::Dir(_) if create || truncate || write => Err(Errno::Isdir),
            Kind::Dir(_) => Ok(Opened::Dir(self.dir(tree, ino)?)),
            Kind::Link(_) => Err(Errno::Loop),
            Kind::File(_) => {
                if truncate {
                    tree.change(ino, |content, budget| content.set_len(0, budget))?;
                }
                let open = Open::new(&self.0.tree, tree, ino)?;
                Ok(Opened::File(FileNode { open, cursor: Cell::new(0) }))
            }
        }
    }

    fn dir(&self, tree: &mut Tree, ino: u64) -> Result<Self, Errno> {
        Ok(Self(Arc::new(Open::new(&self.0.tree, tree, ino)?)))
    }

    pub(crate) fn filestat_at(&self, follow: bool, path: &str) -> Result<FileStat, Errno> {
        let tree = self.0.lock();
        let last = Last { follow, ..Last::default() };
        tree.filestat(walk(&tree, self.0.ino, path, last)?.node()?)
    }

    pub(crate) fn set_times(&self, times: NewTimes) -> Result<(), Errno> {
        self.0.lock().set_times(self.0.ino, times)
    }

    pub(crate) fn set_times_at(
        &self,
        follow: bool,
        path: &str,
        times: NewTimes,
    ) -> Result<(), Errno> {
        let tree = &mut *self.0.lock();
        let ino = walk(tree, self.0.ino, path, Last { follow, ..Last::default() })?.node()?;
        tree.set_times(ino, times)
    }

    pub(crate) fn create_dir_at(&self, path: &str) -> Result<(), Errno> {
        let tree = &mut *self.0.lock();
        let (dir, name) = free(tree, self.0.ino, without_slashes(path))?;
        tree.create(dir, name, Kind::Dir(Entries::default())).map(drop)
    }

    pub(crate) fn symlink_at(&self, target: &str, path: &str) -> Result<(), Errno> {
        if target.starts_with('/') {
            return Err(Errno::Perm);
        }
        let tree = &mut *self.0.lock();
        let (dir, name) = parent(tree, self.0.ino, path)?;
        if target.is_empty() {
            return Err(Errno::Noent);
        }
        if target.len() > MAX_PATH_BYTES {
            return Err(Errno::Nametoolong);
        }
        let name = free_name(tree, dir, name)?;
        tree.create(dir, name, Kind::Link(target.into())).map(drop)
    }

    pub(crate) fn read_link_at(&self, path: &str) -> Result<String, Errno> {
        let tree = self.0.lock();
        let (dir, name) = parent(&tree, self.0.ino, path)?;
        let ino = tree.lookup(dir, name.ok_or(Errno::Inval)?)?.ok_or(Errno::Noent)?;
        match tree.kind(ino)? {
            Kind::Link(target) => Ok(target.to_string()),
            _ => Err(Errno::Inval),
        }
    }

    pub(crate) fn remove_file_at(&self, path: &str) -> Result<(), Errno> {
        let tree = &mut *self.0.lock();
        let (dir, name) = parent(tree, self.0.ino, path)?;
        let name = name.ok_or(Errno::Isdir)?;
        let ino = tree.lookup(dir, name)?.ok_or(Errno::Noent)?;
        if tree.is_dir(ino) {
            return Err(Errno::Isdir);
        }
        tree.detach(dir, name)
    }

    pub(crate) fn remove_dir_at(&self, path: &str) -> Result<(), Errno> {
        let tree = &mut *self.0.lock();
        let (dir, name) = parent(tree, self.0.ino, without_slashes(path))?;
        let name = name.ok_or(Errno::Inval)?;
        let ino = tree.lookup(dir, name)?.ok_or(Errno::Noent)?;
        if !tree.entries(ino)?.names.is_empty() {
            return Err(Errno::Notempty);
        }
        tree.detach(dir, name)
    }

    /// Makes `new_path` beneath `new_dir` another name of what is at `path`.
    pub(crate) fn link_at(&self, path: &str, new_dir: &Self, new_path: &str) -> Result<(), Errno> {
        if !Arc::ptr_eq(&self.0.tree, &new_dir.0.tree) {
            return Err(Errno::Xdev);
        }
        let tree = &mut *self.0.lock();
        let (dir, name) = parent(tree, self.0.ino, path)?;
        let (new_dir, new_name) = parent(tree, new_dir.0.ino, new_path)?;
        let ino = match name {
            Some(name) => tree.lookup(dir, name)?.ok_or(Errno::Noent)?,
            None => dir,
        };
        let new_name = free_name(tree, new_dir, new_name)?;
        if tree.is_dir(ino) {
            return Err(Errno::Perm);
        }
        tree.attach(new_dir, new_name, ino)
    }

    pub(crate) fn rename_at(
        &self,
        path: &str,
        new_dir: &Self,
        new_path: &str,
    ) -> Result<(), Errno> {
        if !Arc::ptr_eq(&self.0.tree, &new_dir.0.tree) {
            return Err(Errno::Xdev);
        }
        let tree = &mut *self.0.lock();
        let (old_dir, old_name) = parent(tree, self.0.ino, without_slashes(path))?;
        let (new_dir, new_name) = parent(tree, new_dir.0.ino, without_slashes(new_path))?;
        let old_name = old_name.ok_or(Errno::Busy)?;
        let new_name = new_name.ok_or(Errno::Busy)?;
        let ino = tree.lookup(old_dir, old_name)?.ok_or(Errno::Noent)?;
        let replaced = tree.lookup(new_dir, new_name)?;
        let is_dir = tree.is_dir(ino);
        if !is_dir && path.ends_with('/') {
            return Err(Errno::Notdir);
        }
        if is_dir && tree.holds(ino, new_dir) {
            return Err(Errno::Inval);
        }
        if let Some(replaced) = replaced {
            if tree.is_dir(replaced) && tree.holds(replaced, old_dir) {
                return Err(Errno::Notempty);
            }
            if replaced == ino {
                return Ok(());
            }
            if is_dir && !tree.entries(replaced)?.names.is_empty() {
                return Err(Errno::Notempty);
            }
            if !is_dir && tree.is_dir(replaced) {
                return Err(Errno::Isdir);
            }
        }
        tree.rename((old_dir, old_name), (new_dir, new_name))
    }
}

/// The directory and the name of something that is to be made at `path`.
fn free<'p>(tree: &Tree, start: u64, path: &'p str) -> Result<(u64, &'p str), Errno> {
    let (dir, name) = parent(tree, start, path)?;
    Ok((dir, free_name(tree, dir, name)?))
}

/// The name of something that is to be made in `dir`.
fn free_name<'p>(tree: &Tree, dir: u64, name: Option<&'p str>) -> Result<&'p str, Errno> {
    match name {
        Some(name) if tree.lookup(dir, name)?.is_none() => Ok(name),
        _ => Err(Errno::Exist),
    }
}

/// An open file with a cursor.
#[derive(Debug)]
pub(crate) struct FileNode {
    open: Open,
    cursor: Cell<u64>,
}

impl FileNode {
    pub(crate) fn filestat(&self) -> Result<FileStat, Errno> {
        self.open.lock().filestat(self.open.ino)
    }

    pub(crate) fn set_times(&self, times: NewTimes) -> Result<(), Errno> {
        self.open.lock().set_times(self.open.ino, times)
    }

    pub(crate) fn set_len(&self, len_bytes: u64) -> Result<(), Errno> {
        if i64::try_from(len_bytes).is_err() {
            return Err(Errno::Inval);
        }
        self.open.lock().change(self.open.ino, |content, budget| content.set_len(len_bytes, budget))
    }

    pub(crate) fn allocate(&self, offset: u64, len_bytes: u64) -> Result<(), Errno> {
        self.open
            .lock()
            .change(self.open.ino, |content, budget| content.allocate(offset, len_bytes, budget))
    }

    /// Reads at `offset`, or at the cursor, which moves.
    pub(crate) fn read(&self, buf: &mut [u8], offset: Option<u64>) -> Result<usize, Errno> {
        let at = self.place(offset)?;
        let count = match self.open.lock().kind(self.open.ino)? {
            Kind::File(content) => content.read(buf, at),
            _ => return Err(Errno::Badf),
        };
        if offset.is_none() {
            self.cursor.set(at + count as u64);
        }
        Ok(count)
    }

    /// Writes at `offset`, or at the cursor, which moves, or at the end.
    pub(crate) fn write(
        &self,
        bufs: &[IoSlice<'_>],
        offset: Option<u64>,
        append: bool,
    ) -> Result<usize, Errno> {
        let place = self.place(offset)?;
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        let (start, count) = self.open.lock().change(self.open.ino, |content, budget| {
            let start = if append { content.len_bytes() } else { place };
            let mut done = 0;
            for buf in bufs {
                match content.write(buf, start.saturating_add(done as u64), budget) {
                    Ok(count) => {
                        done += count;
                        if count < buf.len() {
                            break;
                        }
                    }
                    Err(errno) if done == 0 => return Err(errno),
                    Err(_) => break,
                }
            }
            Ok((start, done))
        })?;
        if offset.is_none() {
            self.cursor.set(start.saturating_add(count as u64));
        }
        Ok(count)
    }

    fn place(&self, offset: Option<u64>) -> Result<u64, Errno> {
        match offset {
            Some(offset) if i64::try_from(offset).is_err() => Err(Errno::Inval),
            Some(offset) => Ok(offset),
            None => Ok(self.cursor.get()),
        }
    }

    pub(crate) fn seek(&self, offset: i64, whence: Whence) -> Result<u64, Errno> {
        let from = match whence {
            Whence::Set => 0,
            Whence::Cur => self.cursor.get(),
            Whence::End => self.filestat()?.size,
        };
        let place = from.checked_add_signed(offset).ok_or(Errno::Inval)?;
        if i64::try_from(place).is_err() {
            return Err(Errno::Inval);
        }
        self.cursor.set(place);
        Ok(place)
    }

    pub(crate) fn tell(&self) -> u64 {
        self.cursor.get()
    }
}
