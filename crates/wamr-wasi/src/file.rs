//! Open files of a guest, and the attributes of files. How they are found stands in `dir`.

use std::fs;
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use cap_fs_ext::MetadataExt;
use cap_std::fs::{FileType as HostFileType, Metadata};

use crate::ctx::DirAccess;
use crate::errno::Errno;
use crate::memory::FileNode;
use crate::sys::{self, Advice, Handle};
use crate::types::{FdFlags, FdStat, FileStat, FileType, FstFlags, Rights, Whence};
use crate::wait::Interrupt;

/// How much room is taken on the host between two looks whether the guest should stop.
const ALLOCATED_AT_ONCE_BYTES: u64 = 64 << 20;

/// An open file.
///
/// Files of the host are opened without blocking, so that a named pipe can't hang the host; a read or write
/// that would wait does so in `ctx`, where it can be interrupted.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) access: DirAccess,
    /// Whether the guest asked to read. The host's file may allow more.
    pub(crate) read: bool,
    /// Whether the guest asked to write. The host's file may allow more.
    pub(crate) write: bool,
    pub(crate) flags: FdFlags,
    pub(crate) filetype: FileType,
}

/// Where a file is.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// The cursor is the operating system's, since every guest descriptor is its own open file.
    Host(fs::File),
    Memory(FileNode),
}

impl File {
    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        match &self.bytes {
            // Never waits, and some systems refuse to poll it.
            _ if self.filetype == FileType::RegularFile => None,
            Bytes::Host(file) => sys::handle_of(file),
            Bytes::Memory(_) => None,
        }
    }

    pub(crate) fn fdstat(&self) -> FdStat {
        let mut rights = Rights::FILE;
        rights.set(Rights::FD_READ, self.read);
        rights.set(Rights::FD_WRITE, self.write);
        if self.filetype == FileType::CharacterDevice {
            // What C libraries tell a terminal by.
            rights -= Rights::FD_SEEK | Rights::FD_TELL;
        }
        FdStat {
            filetype: self.filetype,
            flags: self.flags,
            rights_base: rights,
            rights_inheriting: rights,
        }
    }

    /// Takes the flags that the file was opened with.
    pub(crate) fn begin_with_flags(&mut self, flags: FdFlags) -> Result<(), Errno> {
        if flags.contains(FdFlags::APPEND) {
            self.set_append(true)?;
        }
        self.flags = flags;
        Ok(())
    }

    fn set_append(&self, append: bool) -> Result<(), Errno> {
        match &self.bytes {
            Bytes::Host(file) => Ok(sys::set_append(file, append)?),
            // The flag is looked at when it is written.
            Bytes::Memory(_) => Ok(()),
        }
    }

    /// Switches append mode and non-blocking mode; other flags stay as the file was opened.
    pub(crate) fn set_flags(&mut self, flags: FdFlags) -> Result<(), Errno> {
        let switchable = FdFlags::APPEND | FdFlags::NONBLOCK;
        let fixed = self.flags - switchable;
        // A C library that keeps the flags it read is fine, asking for new ones isn't.
        if !(flags - switchable - fixed).is_empty() {
            return Err(Errno::Inval);
        }
        let append = flags.contains(FdFlags::APPEND);
        if append != self.flags.contains(FdFlags::APPEND) {
            self.set_append(append)?;
        }
        self.flags = fixed | (flags & switchable);
        Ok(())
    }

    pub(crate) fn check_read(&self) -> Result<(), Errno> {
        if self.read { Ok(()) } else { Err(Errno::Badf) }
    }

    pub(crate) fn check_write(&self) -> Result<(), Errno> {
        if self.write { Ok(()) } else { Err(Errno::Badf) }
    }

    pub(crate) fn read(&self, buf: &mut [u8], offset: Option<u64>) -> io::Result<usize> {
        match (&self.bytes, offset) {
            (Bytes::Host(file), None) => (&*file).read(buf),
            (Bytes::Host(file), Some(offset)) => sys::read_at(file, buf, offset),
            (Bytes::Memory(file), offset) => Ok(file.read(buf, offset)?),
        }
    }

    /// Writes the buffers at the cursor in one call of the system.
    pub(crate) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Host(file) => (&*file).write_vectored(bufs),
            Bytes::Memory(file) => Ok(file.write(bufs, None, self.appends())?),
        }
    }

    pub(crate) fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Host(file) => sys::write_at(file, buf, offset),
            // Linux appends here too.
            Bytes::Memory(file) => {
                Ok(file.write(&[IoSlice::new(buf)], Some(offset), self.appends())?)
            }
        }
    }

    fn appends(&self) -> bool {
        self.flags.contains(FdFlags::APPEND)
    }

    pub(crate) fn seek(&self, offset: i64, whence: Whence) -> Result<u64, Errno> {
        let file = match &self.bytes {
            Bytes::Host(file) => file,
            Bytes::Memory(file) => return file.seek(offset, whence),
        };
        let target = match whence {
            Whence::Set => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Inval)?),
            Whence::Cur => SeekFrom::Current(offset),
            Whence::End => SeekFrom::End(offset),
        };
        Ok((&*file).seek(target)?)
    }

    pub(crate) fn tell(&self) -> Result<u64, Errno> {
        match &self.bytes {
            Bytes::Host(file) => Ok((&*file).stream_position()?),
            Bytes::Memory(file) => Ok(file.tell()),
        }
    }

    pub(crate) fn filestat(&self) -> Result<FileStat, Errno> {
        match &self.bytes {
            Bytes::Host(file) => Ok(filestat(&Metadata::from_file(file)?)),
            Bytes::Memory(file) => file.filestat(),
        }
    }

    pub(crate) fn set_size(&self, size: u64) -> Result<(), Errno> {
        self.access.check_write()?;
        if !self.write {
            return Err(Errno::Inval);
        }
        match &self.bytes {
            Bytes::Host(file) => Ok(file.set_len(size)?),
            Bytes::Memory(file) => file.set_len(size),
        }
    }

    /// Takes the room that a range will need.
    pub(crate) fn allocate(
        &self,
        offset: u64,
        len: u64,
        interrupt: &Interrupt,
    ) -> Result<(), Errno> {
        self.access.check_write()?;
        self.check_write()?;
        if len == 0 || i64::try_from(offset).is_err() || i64::try_from(len).is_err() {
            return Err(Errno::Inval);
        }
        match &self.bytes {
            Bytes::Host(file) => allocate_on_host(file, offset, len, interrupt),
            Bytes::Memory(file) => file.allocate(offset, len),
        }
    }

    pub(crate) fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<(), Errno> {
        match &self.bytes {
            Bytes::Host(file) => Ok(sys::advise(file, offset, len, advice)?),
            Bytes::Memory(_) => Ok(()),
        }
    }

    /// Brings the data to the disk, and with `attributes` those too.
    pub(crate) fn sync(&self, attributes: bool) -> Result<(), Errno> {
        match &self.bytes {
            Bytes::Host(file) if attributes => Ok(file.sync_all()?),
            Bytes::Host(file) => Ok(file.sync_data()?),
            Bytes::Memory(_) => Ok(()),
        }
    }

    pub(crate) fn set_times(&self, times: NewTimes) -> Result<(), Errno> {
        self.access.check_write()?;
        match &self.bytes {
            Bytes::Host(file) => Ok(file.set_times(times.to_std())?),
            Bytes::Memory(file) => file.set_times(times),
        }
    }
}

/// Takes room on the host piece by piece, so that it can be interrupted. A file that got longer for
/// a range that does not fit is cut off again.
fn allocate_on_host(
    file: &fs::File,
    offset: u64,
    len: u64,
    interrupt: &Interrupt,
) -> Result<(), Errno> {
    let end = offset.checked_add(len).filter(|&end| i64::try_from(end).is_ok());
    let end = end.ok_or(Errno::Fbig)?;
    let before = file.metadata()?.len();
    // Hosts take all that there is before they find that it is too little.
    if end.saturating_sub(before.max(offset)) > sys::free_bytes(file)? {
        return Err(Errno::Nospc);
    }
    let mut at = offset;
    while at < end {
        let piece = (end - at).min(ALLOCATED_AT_ONCE_BYTES);
        let taken = interrupt.check().and_then(|()| Ok(sys::allocate(file, at, piece)?));
        if let Err(errno) = taken {
            if file.metadata()?.len() > before {
                file.set_len(before)?;
            }
            return Err(errno);
        }
        at += piece;
    }
    Ok(())
}

/// The time stamps to set; `None` leaves one as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewTimes {
    pub(crate) accessed: Option<SystemTime>,
    pub(crate) modified: Option<SystemTime>,
}

impl NewTimes {
    /// Reads the arguments of `*_filestat_set_times`.
    pub(crate) fn parse(atim_ns: u64, mtim_ns: u64, flags: u32) -> Result<Self, Errno> {
        let flags = FstFlags::parse(flags)?;
        if flags.contains(FstFlags::ATIM | FstFlags::ATIM_NOW)
            || flags.contains(FstFlags::MTIM | FstFlags::MTIM_NOW)
        {
            return Err(Errno::Inval);
        }
        let pick = |set, now, time_ns| {
            if flags.contains(set) {
                let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(time_ns));
                time.map(Some).ok_or(Errno::Overflow)
            } else {
                Ok(flags.contains(now).then(SystemTime::now))
            }
        };
        Ok(Self {
            accessed: pick(FstFlags::ATIM, FstFlags::ATIM_NOW, atim_ns)?,
            modified: pick(FstFlags::MTIM, FstFlags::MTIM_NOW, mtim_ns)?,
        })
    }

    /// Whether all stays as it is.
    pub(crate) fn is_empty(self) -> bool {
        self.accessed.is_none() && self.modified.is_none()
    }

    pub(crate) fn to_std(self) -> fs::FileTimes {
        let mut times = fs::FileTimes::new();
        if let Some(accessed) = self.accessed {
            times = times.set_accessed(accessed);
        }
        if let Some(modified) = self.modified {
            times = times.set_modified(modified);
        }
        times
    }
}

/// Translates the attributes of a file.
pub(crate) fn filestat(metadata: &Metadata) -> FileStat {
    let time = |time: io::Result<cap_std::time::SystemTime>| {
        time.map_or(0, |time| ns_since_epoch(time.into_std()))
    };
    FileStat {
        dev: metadata.dev(),
        ino: metadata.ino(),
        filetype: filetype(metadata.file_type()),
        nlink: metadata.nlink(),
        size: metadata.len(),
        atim: time(metadata.accessed()),
        mtim: time(metadata.modified()),
        ctim: sys::status_change_ns(metadata),
    }
}

/// Translates the type of a file.
pub(crate) fn filetype(host: HostFileType) -> FileType {
    if host.is_dir() {
        FileType::Directory
    } else if host.is_file() {
        FileType::RegularFile
    } else if host.is_symlink() {
        FileType::SymbolicLink
    } else {
        sys::special_file_type(host)
    }
}

/// A time as WASI counts it; what lies outside its range becomes the nearest time inside.
pub(crate) fn ns_since_epoch(time: SystemTime) -> u64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(duration) => u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_clamped() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(ns_since_epoch(epoch - Duration::from_secs(1)), 0);
        assert_eq!(ns_since_epoch(epoch + Duration::from_secs(1 << 40)), u64::MAX);
        assert_eq!(ns_since_epoch(epoch + Duration::from_nanos(7)), 7);
    }

    #[test]
    fn contradicting_time_flags_are_invalid() {
        assert_eq!(NewTimes::parse(0, 0, 3).unwrap_err(), Errno::Inval);
        assert_eq!(NewTimes::parse(0, 0, 12).unwrap_err(), Errno::Inval);
        assert_eq!(NewTimes::parse(0, 0, 16).unwrap_err(), Errno::Inval);
        assert!(NewTimes::parse(u64::MAX, u64::MAX, 5).is_ok());
    }
}
