//! Open directories of a guest and everything that resolves a path beneath one. `cap-std` keeps
//! every path inside the directory; this file adds the permissions of the preopen. Guest memory is
//! unknown here.

use std::io;

use cap_fs_ext::{
    DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt, OpenOptionsSyncExt,
    SystemTimeSpec,
};
use cap_std::fs::{Metadata, OpenOptions};

use crate::ctx::DirAccess;
use crate::errno::Errno;
use crate::fd::Descriptor;
use crate::file::{File, NewTimes, filestat, filetype};
use crate::sys;
use crate::types::{FdFlags, FdStat, FileStat, FileType, LookupFlags, OFlags, Rights};

/// How much memory the listings of one guest may take.
pub(crate) const MAX_LISTING_BYTES: usize = 64 << 20;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir {
    host: cap_std::fs::Dir,
    access: DirAccess,
    /// The guest's name of a preopened directory.
    preopen_name: Option<String>,
    /// What the directory held when the guest began to read it. Reading on from here keeps
    /// positions stable while the guest adds and removes entries.
    listing: Option<Vec<DirEntry>>,
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
    pub(crate) fn preopen(host: cap_std::fs::Dir, access: DirAccess, name: String) -> Self {
        Self { host, access, preopen_name: Some(name), listing: None }
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
        Ok(filestat(&self.host.dir_metadata()?))
    }

    pub(crate) fn set_times(&self, times: NewTimes) -> Result<(), Errno> {
        self.set_times_at(LookupFlags::SYMLINK_FOLLOW, ".", times)
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
        for entry in self.host.entries()? {
            let entry = entry?;
            // WASI names are UTF-8; a guest couldn't open any other.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let entry = DirEntry {
                ino: sys::entry_ino(&entry)?,
                filetype: entry.file_type().map_or(FileType::Unknown, filetype),
                name: name.into(),
            };
            bytes += entry.size_bytes();
            if bytes > MAX_LISTING_BYTES {
                return Err(Errno::Nomem);
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Opens a file or directory beneath this one.
    pub(crate) fn open_at(&self, path: &str, request: OpenRequest) -> Result<Descriptor, Errno> {
        let OpenRequest { lookup, oflags, rights, fdflags } = request;
        let create = oflags.contains(OFlags::CREAT);
        let truncate = oflags.contains(OFlags::TRUNC);
        let write = rights.contains(Rights::FD_WRITE);
        // Something has to be asked of the host; without any right, that's reading.
        let read = rights.contains(Rights::FD_READ) || !write;
        if oflags.contains(OFlags::DIRECTORY)
            && (create || truncate || oflags.contains(OFlags::EXCL))
        {
            return Err(Errno::Inval);
        }
        if create || truncate || write {
            self.access.check_write()?;
        }

        let mut options = OpenOptions::new();
        options
            .read(read)
            .write(create || truncate || write)
            .truncate(truncate)
            .create(create && !oflags.contains(OFlags::EXCL))
            .create_new(create && oflags.contains(OFlags::EXCL));
        options
            .follow(follow(lookup))
            .sync(fdflags.contains(FdFlags::SYNC))
            .dsync(fdflags.contains(FdFlags::DSYNC))
            .rsync(fdflags.contains(FdFlags::RSYNC))
            .nonblock(true)
            .maybe_dir(true);
        let host = self.host.open_with(path, &options)?.into_std();
        let metadata = Metadata::from_file(&host)?;

        if metadata.is_dir() {
            // Not every host refuses this by itself.
            if write {
                return Err(Errno::Isdir);
            }
            let host = cap_std::fs::Dir::from_std_file(host);
            return Ok(Descriptor::Dir(Self {
                host,
                access: self.access,
                preopen_name: None,
                listing: None,
            }));
        }
        if oflags.contains(OFlags::DIRECTORY) {
            return Err(Errno::Notdir);
        }
        if fdflags.contains(FdFlags::APPEND) {
            sys::set_append(&host, true)?;
        }
        let filetype = filetype(metadata.file_type());
        Ok(Descriptor::File(File {
            host,
            access: self.access,
            read,
            write,
            flags: fdflags,
            filetype,
        }))
    }

    pub(crate) fn create_directory_at(&self, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        Ok(self.host.create_dir(path)?)
    }

    pub(crate) fn filestat_at(&self, lookup: LookupFlags, path: &str) -> Result<FileStat, Errno> {
        let metadata = match follow(lookup) {
            FollowSymlinks::Yes => self.host.metadata(path),
            FollowSymlinks::No => self.host.symlink_metadata(path),
        };
        Ok(filestat(&metadata?))
    }

    pub(crate) fn set_times_at(
        &self,
        lookup: LookupFlags,
        path: &str,
        times: NewTimes,
    ) -> Result<(), Errno> {
        self.access.check_write()?;
        if follow(lookup) == FollowSymlinks::No {
            let spec = |time: Option<std::time::SystemTime>| {
                time.map(|time| SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
            };
            return Ok(self.host.set_symlink_times(
                path,
                spec(times.accessed),
                spec(times.modified),
            )?);
        }
        // Some kind of access is needed to get hold of the file. Without waiting: the path may name
        // a pipe.
        let open = |write: bool| {
            let mut options = OpenOptions::new();
            options.read(!write).write(write).nonblock(true);
            self.host.open_with(path, &options)
        };
        let file = match open(false) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open(true)?,
            opened => opened?,
        };
        Ok(file.into_std().set_times(times.to_std())?)
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
        if follow(lookup) == FollowSymlinks::Yes {
            return Err(Errno::Inval);
        }
        Ok(self.host.hard_link(path, &new_dir.host, new_path)?)
    }

    pub(crate) fn read_link_at(&self, path: &str) -> Result<String, Errno> {
        self.host.read_link(path)?.into_os_string().into_string().map_err(|_| Errno::Ilseq)
    }

    pub(crate) fn remove_directory_at(&self, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        Ok(self.host.remove_dir(path)?)
    }

    pub(crate) fn rename_at(
        &self,
        path: &str,
        new_dir: &Self,
        new_path: &str,
    ) -> Result<(), Errno> {
        self.access.check_write()?;
        new_dir.access.check_write()?;
        Ok(self.host.rename(path, &new_dir.host, new_path)?)
    }

    /// Makes `path` a symbolic link to `target`, which must be relative but may lead anywhere:
    /// whoever follows it is held inside.
    pub(crate) fn symlink_at(&self, target: &str, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        Ok(DirExt::symlink(&self.host, target, path)?)
    }

    pub(crate) fn unlink_file_at(&self, path: &str) -> Result<(), Errno> {
        self.access.check_write()?;
        Ok(self.host.remove_file_or_symlink(path)?)
    }
}

fn follow(lookup: LookupFlags) -> FollowSymlinks {
    if lookup.contains(LookupFlags::SYMLINK_FOLLOW) {
        FollowSymlinks::Yes
    } else {
        FollowSymlinks::No
    }
}
