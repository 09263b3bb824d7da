//! Directories that are nowhere but in memory: a tree that the embedder fills, gives to guests, and
//! reads afterwards. `tree` has the nodes, `resolve` the rules of paths, `node` what guests do with
//! them, and this file what embedders do.

mod content;
mod node;
mod resolve;
mod tree;

use std::fmt;
use std::io;

use crate::errno::Errno;
use crate::types::FileType;

pub(crate) use node::{DirNode, FileNode, How, Opened};
pub(crate) use resolve::without_slashes;

/// How much memory the tree of [`MemoryDir::new`] takes.
const DEFAULT_LIMIT_BYTES: u64 = 64 << 20;

/// A directory in memory, with everything beneath it.
///
/// Clones are the same directory. Give it to guests by
/// [`WasiCtxBuilder::preopen_memory_dir`](crate::WasiCtxBuilder::preopen_memory_dir), one or many,
/// before or after it was filled: what they write is seen here, and what is written here they see.
///
/// The methods are named as those of [`std::fs`]. Paths are relative to the directory, with `/`
/// between names on every system, and lead nowhere outside.
///
/// Memory is limited, since guests decide how much they write: files count by pages of 4 KiB,
/// names and nodes by somewhat more than they take. Beyond the limit there is
/// [`Errno::Nospc`](crate::Errno::Nospc), and no file is larger than it
/// ([`Errno::Fbig`](crate::Errno::Fbig)). Listings that guests read, and their descriptors, have
/// limits of their own.
///
/// ```
/// use wamr_wasi::{DirAccess, MemoryDir, WasiCtxBuilder};
///
/// let work = MemoryDir::new();
/// work.write("in.txt", "some text")?;
/// let ctx = WasiCtxBuilder::new()
///     .preopen_memory_dir(&work, "/work")
///     .preopen_memory_dir_with(&work, "/same", DirAccess::ReadOnly)
///     .build();
/// # drop(ctx);
/// // The guest runs here.
/// assert_eq!(work.read("in.txt")?, b"some text");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct MemoryDir(DirNode);

impl MemoryDir {
    /// An empty directory, which takes up to 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT_BYTES)
    }

    /// An empty directory, which takes up to `limit_bytes`.
    #[must_use]
    pub fn with_limit(limit_bytes: u64) -> Self {
        Self(DirNode::new(limit_bytes))
    }

    /// How much memory the tree takes, all of it if this is a [subdirectory](Self::dir).
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.0.budget_bytes().0
    }

    /// How much memory the tree may take.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.0.budget_bytes().1
    }

    /// Writes a whole file, which is made if it isn't there. Where memory ends in the middle, the
    /// file has what fitted.
    ///
    /// # Errors
    /// There is no directory for it, a directory has its name, or the limit is reached.
    pub fn write(&self, path: impl AsRef<str>, contents: impl AsRef<[u8]>) -> io::Result<()> {
        let how = How { follow: true, create: true, truncate: true, write: true, exclusive: false };
        let file = self.open_file(path.as_ref(), how)?;
        let contents = contents.as_ref();
        let mut done = 0;
        while done < contents.len() {
            done += file.write(&[io::IoSlice::new(&contents[done..])], None, false)?;
        }
        Ok(())
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// It isn't there, or is a directory.
    pub fn read(&self, path: impl AsRef<str>) -> io::Result<Vec<u8>> {
        let file = self.open_file(path.as_ref(), How { follow: true, ..How::default() })?;
        let len = usize::try_from(file.filestat()?.size).map_err(|_| Errno::Fbig)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Errno::Nomem)?;
        bytes.resize(len, 0);
        // A guest may have made it shorter in the meantime.
        let count = file.read(&mut bytes, None)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Reads a whole file of text.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if it isn't UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<str>) -> io::Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn open_file(&self, path: &str, how: How) -> io::Result<FileNode> {
        match self.0.open_at(path, how)? {
            Opened::File(file) => Ok(file),
            Opened::Dir(_) => Err(Errno::Isdir.into()),
        }
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// There is no directory for it, something has its name, or the limit is reached.
    pub fn create_dir(&self, path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.create_dir_at(path.as_ref())?)
    }

    /// Makes a directory, and those on the way to it that are missing.
    ///
    /// # Errors
    /// Something else has one of the names, or the limit is reached.
    pub fn create_dir_all(&self, path: impl AsRef<str>) -> io::Result<()> {
        let path = path.as_ref();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends.filter(|&end| end > 0) {
            match self.0.create_dir_at(&path[..end]) {
                Err(Errno::Exist) => {}
                made => made?,
            }
        }
        // What was there may be no directory.
        self.dir(path).map(drop)
    }

    /// A directory beneath this one, of the same tree and its limit. It stays if its name goes.
    ///
    /// # Errors
    /// There is none.
    pub fn dir(&self, path: impl AsRef<str>) -> io::Result<Self> {
        match self.0.open_at(path.as_ref(), How { follow: true, ..How::default() })? {
            Opened::Dir(dir) => Ok(Self(dir)),
            Opened::File(_) => Err(Errno::Notdir.into()),
        }
    }

    /// What is in the directory, by name.
    ///
    /// # Errors
    /// None that could be met: the directory is open.
    pub fn entries(&self) -> io::Result<Vec<MemoryEntry>> {
        let mut entries = Vec::new();
        self.0.for_each_entry(|name, filetype, _| {
            entries.push(MemoryEntry { name: name.into(), filetype });
            Ok(())
        })?;
        Ok(entries)
    }

    /// Makes a symbolic link that holds `target`, a relative path, which may lead anywhere: whoever
    /// follows it is held inside.
    ///
    /// # Errors
    /// As [`create_dir`](Self::create_dir), and for a `target` that is empty or absolute.
    pub fn symlink(&self, target: impl AsRef<str>, path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.symlink_at(target.as_ref(), path.as_ref())?)
    }

    /// What a symbolic link holds.
    ///
    /// # Errors
    /// There is none.
    pub fn read_link(&self, path: impl AsRef<str>) -> io::Result<String> {
        Ok(self.0.read_link_at(path.as_ref())?)
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// As [`create_dir`](Self::create_dir), and for directories.
    pub fn hard_link(&self, path: impl AsRef<str>, new_path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.link_at(path.as_ref(), &self.0, new_path.as_ref())?)
    }

    /// Renames a file or directory, in place of a file or an empty directory that has the new name.
    ///
    /// # Errors
    /// As [`std::fs::rename`].
    pub fn rename(&self, path: impl AsRef<str>, new_path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.rename_at(path.as_ref(), &self.0, new_path.as_ref())?)
    }

    /// Removes a file or symbolic link.
    ///
    /// # Errors
    /// There is none.
    pub fn remove_file(&self, path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.remove_file_at(path.as_ref())?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// There is none, or something is in it.
    pub fn remove_dir(&self, path: impl AsRef<str>) -> io::Result<()> {
        Ok(self.0.remove_dir_at(path.as_ref())?)
    }

    pub(crate) fn node(&self) -> DirNode {
        self.0.clone()
    }
}

impl Default for MemoryDir {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, limit) = self.0.budget_bytes();
        f.debug_struct("MemoryDir")
            .field("used_bytes", &used)
            .field("limit_bytes", &limit)
            .finish_non_exhaustive()
    }
}

/// Something in a [`MemoryDir`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryEntry {
    name: Box<str>,
    filetype: FileType,
}

impl MemoryEntry {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.filetype == FileType::RegularFile
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.filetype == FileType::Directory
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.filetype == FileType::SymbolicLink
    }
}
