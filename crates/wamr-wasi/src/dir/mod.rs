//! Open directories of a guest, and the permissions of their preopens. What resolves paths stands
//! in `host` for directories of the host, and in `memory` for those in memory. Guest memory is
//! unknown here.

mod host;

use crate::ctx::DirAccess;
use crate::errno::Errno;
use crate::fd::Descriptor;
use crate::file::{Bytes, File, NewTimes};
use crate::memory::{DirNode, How, Opened};
use crate::types::{FdFlags, FdStat, FileStat, FileType, LookupFlags, OFlags, Rights};

/// How much memory the listings of one guest may take.
pub(crate) const MAX_LISTING_BYTES: usize = 64 << 20;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir {
    place: Place,
    access: DirAccess,
    /// The guest's name of a preopened directory.
    preopen_name: Option<String>,
    /// What the directory held when the guest began to read it. Reading on from here keeps
    /// positions stable while the guest adds and removes entries.
    listing: Option<Vec<DirEntry>>,
}

/// Where a directory is.
#[derive(Debug)]
enum Place {
    Host(cap_std::fs::Dir),
    Memory(DirNode),
}

/// An entry of a directory.
#[derive(Clone, Debug)]
pub(crate) struct DirEntry {
    pub(crate) ino: u64,
    pub(crate) filetype: FileType,
    pub(crate) name: Box<str>,
}

impl DirEntry {
    fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.name.len()
    }
}

/// What `path_open` asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenRequest {
    pub(crate) lookup: LookupFlags,
    pub(crate) oflags: OFlags,
    pub(crate) rights: Rights,
    pub(crate) fdflags: FdFlags,
}

impl Dir {
    /// A directory of the host that is there from the beginning.
    pub(crate) fn preopen(host: cap_std::fs::Dir, access: DirAccess, name: String) -> Self {
        Self { preopen_name: Some(name), ..Self::of(Place::Host(host), access) }
    }

    /// A directory in memory that is there from the beginning.
    pub(crate) fn preopen_memory(node: DirNode, access: DirAccess, name: String) -> Self {
        Self { preopen_name: Some(name), ..Self::of(Place::Memory(node), access) }
    }

    fn of(place: Place, access: DirAccess) -> Self {
        Self { place, access, preopen_name: None, listing: None }
    }

    pub(crate) fn preopen_name(&self) -> Option<&str> {
        self.preopen_name.as_deref()
    }

    pub(crate) fn fdstat(&self) -> FdStat {
        FdStat {
            filetype: FileType::Directory,
            flags: FdFlags::empty(),
            rights_base: Rights::DIRECTORY,
            rights_inheriting: Rights::DIRECTORY | Rights::FILE,
        }
    }

    pub(crate) fn filestat(&self) -> Result<FileStat, Errno> {
        match &self.place {
            Place::Host(dir) => host::filestat(dir),
            Place::Memory(dir) => dir.filestat(),
        }
    }

    pub(crate) fn set_times(&self, times: NewTimes) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.place {
            Place::Host(dir) => host::set_times_at(dir, true, ".", times),
            Place::Memory(dir) => dir.set_times(times),
        }
    }

    /// Lists the directory, `.` and `..` included. A listing that `fresh` doesn't replace stays as
    /// it was.
    pub(crate) fn list(&mut self, fresh: bool) -> Result<&[DirEntry], Errno> {
        let listing = match self.listing.take() {
            Some(listing) if !fresh => listing,
            _ => self.read_entries()?,
        };
        Ok(self.listing.insert(listing))
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.listing.is_some()
    }

    /// Forgets the listing; reading on makes a new one.
    pub(crate) fn forget_listing(&mut self) {
        self.listing = None;
    }

    /// How much memory the listing takes.
    pub(crate) fn listing_bytes(&self) -> usize {
        self.listing.iter().flatten().map(DirEntry::size_bytes).sum()
    }

    fn read_entries(&self) -> Result<Vec<DirEntry>, Errno> {
        let own_ino = self.filestat()?.ino;
        // The parent's number would tell about the world outside.
        let dots = [".", ".."].map(|name| DirEntry {
            ino: own_ino,
            filetype: FileType::Directory,
            name: name.into(),
        });
        let mut entries = Vec::from(dots);
        let mut bytes = 0;
        let mut add = |entry: DirEntry| {
            bytes += entry.size_bytes();
            if bytes > MAX_LISTING_BYTES {
                return Err(Errno::Nomem);
            }
            entries.push(entry);
            Ok(())
        };
        match &self.place {
            Place::Host(dir) => host::for_each_entry(dir, add)?,
            Place::Memory(dir) => dir.for_each_entry(|name, filetype, ino| {
                add(DirEntry { ino, filetype, name: name.into() })
            })?,
        }
        Ok(entries)
    }

    /// Opens a file or directory beneath this one.
    pub(crate) fn open_at(&self, path: &str, request: OpenRequest) -> Result<Descriptor, Errno> {
        let OpenRequest { lookup, oflags, rights, fdflags } = request;
        let create = oflags.contains(OFlags::CREAT);
        let truncate = oflags.contains(OFlags::TRUNC);
        let exclusive = oflags.contains(OFlags::EXCL);
        let write = rights.contains(Rights::FD_WRITE);
        // Something has to be asked of the host; without any right, that's reading.
        let read = rights.contains(Rights::FD_READ) || !write;
        if oflags.contains(OFlags::DIRECTORY) && (create || truncate || exclusive) {
            return Err(Errno::Inval);
        }
        if create || truncate || write {
            self.access.check_write()?;
        }
        let follow = follows(lookup);
        let how = How { follow, create, exclusive, truncate, write };
        let (bytes, filetype) = match &self.place {
            Place::Host(dir) => match host::open_at(dir, path, how, read, fdflags)? {
                host::Opened::Dir(dir) => return Ok(self.opened_dir(Place::Host(dir))),
                host::Opened::File(file, filetype) => (Bytes::Host(file), filetype),
            },
            Place::Memory(dir) => match dir.open_at(path, how)? {
                Opened::Dir(dir) => return Ok(self.opened_dir(Place::Memory(dir))),
                Opened::File(file) => (Bytes::Memory(file), FileType::RegularFile),
            },
        };
        if oflags.contains(OFlags::DIRECTORY) {
            return Err(Errno::Notdir);
        }
        let mut file =
            File { bytes, access: self.access, read, write, flags: FdFlags::empty(), filetype };
        file.begin_with_flags(fdflags)?;
        Ok(Descriptor::File(file))
    }

    fn opened_dir(&self, place: Place) -> Descriptor {
        Descriptor::Dir(Self::of(place, self.access))
    }

    pub(crate) fn create_directory_at(&self, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.place {
            Place::Host(dir) => Ok(dir.create_dir(path)?),
            Place::Memory(dir) => dir.create_dir_at(path),
        }
    }

    pub(crate) fn filestat_at(&self, lookup: LookupFlags, path: &str) -> Result<FileStat, Errno> {
        match &self.place {
            Place::Host(dir) => host::filestat_at(dir, follows(lookup), path),
            Place::Memory(dir) => dir.filestat_at(follows(lookup), path),
        }
    }

    pub(crate) fn set_times_at(
        &self,
        lookup: LookupFlags,
        path: &str,
        times: NewTimes,
    ) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.place {
            Place::Host(dir) => host::set_times_at(dir, follows(lookup), path, times),
            Place::Memory(dir) => dir.set_times_at(follows(lookup), path, times),
        }
    }

    /// Makes `new_path` beneath `new_dir` another name of the file at `path`.
    pub(crate) fn link_at(
        &self,
        lookup: LookupFlags,
        path: &str,
        new_dir: &Self,
        new_path: &str,
    ) -> Result<(), Errno> {
        self.access.check_write()?;
        new_dir.access.check_write()?;
        if follows(lookup) {
            return Err(Errno::Inval);
        }
        match (&self.place, &new_dir.place) {
            (Place::Host(dir), Place::Host(new_dir)) => Ok(dir.hard_link(path, new_dir, new_path)?),
            (Place::Memory(dir), Place::Memory(new_dir)) => dir.link_at(path, new_dir, new_path),
            _ => Err(Errno::Xdev),
        }
    }

    pub(crate) fn read_link_at(&self, path: &str) -> Result<String, Errno> {
        match &self.place {
            Place::Host(dir) => host::read_link_at(dir, path),
            Place::Memory(dir) => dir.read_link_at(path),
        }
    }

    pub(crate) fn remove_directory_at(&self, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.place {
            Place::Host(dir) => host::remove_dir_at(dir, path),
            Place::Memory(dir) => dir.remove_dir_at(path),
        }
    }

    pub(crate) fn rename_at(
        &self,
        path: &str,
        new_dir: &Self,
        new_path: &str,
    ) -> Result<(), Errno> {
        self.access.check_write()?;
        new_dir.access.check_write()?;
        match (&self.place, &new_dir.place) {
            (Place::Host(dir), Place::Host(new_dir)) => Ok(dir.rename(path, new_dir, new_path)?),
            (Place::Memory(dir), Place::Memory(new_dir)) => dir.rename_at(path, new_dir, new_path),
            _ => Err(Errno::Xdev),
        }
    }

    /// Makes `path` a symbolic link to `target`, which must be relative but may lead anywhere:
    /// whoever follows it is held inside.
    pub(crate) fn symlink_at(&self, target: &str, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.place {
            Place::Host(dir) => Ok(cap_fs_ext::DirExt::symlink(dir, target, path)?),
            Place::Memory(dir) => dir.symlink_at(target, path),
        }
    }

    pub(crate) fn unlink_file_at(&self, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.place {
            Place::Host(dir) => Ok(cap_fs_ext::DirExt::remove_file_or_symlink(dir, path)?),
            Place::Memory(dir) => dir.remove_file_at(path),
        }
    }
}

/// Whether a symbolic link at the end of a path is followed.
fn follows(lookup: LookupFlags) -> bool {
    lookup.contains(LookupFlags::SYMLINK_FOLLOW)
}
