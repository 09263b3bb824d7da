//! Unix, through `rustix`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirEntryExt, FileExt};
use std::time::Duration;

use cap_std::fs::{DirEntry, FileType as HostFileType, Metadata, MetadataExt};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;

use super::{Advice, Interest, Readiness};
use crate::errno::Errno;
use crate::types::FileType;

/// What can be polled.
pub(crate) type Handle<'a> = BorrowedFd<'a>;

/// The handle of an open file or socket.
pub(crate) fn handle_of<T: AsFd>(source: &T) -> Option<Handle<'_>> {
    Some(source.as_fd())
}

/// Another handle of the same thing, which stays open by itself.
pub(crate) fn duplicate(handle: Handle<'_>) -> Option<OwnedFd> {
    handle.try_clone_to_owned().ok()
}

/// The handles of the process's own streams.
pub(crate) fn stdin_handle() -> Option<Handle<'static>> {
    Some(rustix::stdio::stdin())
}

pub(crate) fn stdout_handle() -> Option<Handle<'static>> {
    Some(rustix::stdio::stdout())
}

pub(crate) fn stderr_handle() -> Option<Handle<'static>> {
    Some(rustix::stdio::stderr())
}

/// Reads standard input past the buffer of `std::io::stdin`, so that polling tells the truth.
pub(crate) fn read_stdin(buf: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(rustix::stdio::stdin(), buf)?)
}

/// Writes standard output past the buffer of `std::io::stdout`, after what the embedder left there:
/// a write then either reached the system or failed, never both.
pub(crate) fn write_stdout(buf: &[u8]) -> io::Result<usize> {
    let mut lock = io::stdout().lock();
    lock.flush()?;
    Ok(rustix::io::write(rustix::stdio::stdout(), buf)?)
}

/// Writes standard error, which has no buffer.
pub(crate) fn write_stderr(buf: &[u8]) -> io::Result<usize> {
    let _lock = io::stderr().lock();
    Ok(rustix::io::write(rustix::stdio::stderr(), buf)?)
}

/// Waits until an interest is ready or `timeout` has passed; says what is ready, in the order of
/// `interests`.
pub(crate) fn poll(interests: &[Interest<'_>], timeout: Duration) -> io::Result<Vec<Readiness>> {
    let mut fds: Vec<PollFd<'_>> = interests
        .iter()
        .map(|interest| {
            let events = if interest.write { PollFlags::OUT } else { PollFlags::IN };
            PollFd::from_borrowed_fd(interest.handle, events)
        })
        .collect();
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match rustix::event::poll(&mut fds, Some(&timeout)) {
        Ok(_) => {}
        // A signal of the embedder: the caller looks at its clocks and comes back.
        Err(rustix::io::Errno::INTR) => return Ok(vec![Readiness::default(); interests.len()]),
        Err(error) => return Err(error.into()),
    }
    Ok(fds
        .iter()
        .map(|fd| {
            let found = fd.revents();
            Readiness { ready: !found.is_empty(), hangup: found.contains(PollFlags::HUP) }
        })
        .collect())
}

/// How many bytes can be read without waiting; 1 where the system doesn't say.
pub(crate) fn available_bytes(handle: Handle<'_>) -> u64 {
    rustix::io::ioctl_fionread(handle).unwrap_or(1)
}

pub(crate) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buf, offset)
}

pub(crate) fn write_at(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(buf, offset)
}

/// Switches append mode of an open file.
pub(crate) fn set_append(file: &File, append: bool) -> io::Result<()> {
    let mut flags = rustix::fs::fcntl_getfl(file)?;
    if flags.contains(OFlags::APPEND) != append {
        flags.set(OFlags::APPEND, append);
        rustix::fs::fcntl_setfl(file, flags)?;
    }
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn advise(file: &File, offset: u64, len: u64, advice: Advice) -> io::Result<()> {
    use rustix::fs::Advice as Host;
    let advice = match advice {
        Advice::Normal => Host::Normal,
        Advice::Sequential => Host::Sequential,
        Advice::Random => Host::Random,
        Advice::WillNeed => Host::WillNeed,
        Advice::DontNeed => Host::DontNeed,
        Advice::NoReuse => Host::NoReuse,
    };
    Ok(rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(len), advice)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn advise(_file: &File, _offset: u64, _len: u64, _advice: Advice) -> io::Result<()> {
    Ok(())
}

/// Takes the room that a range of a file will need.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), offset, len)?)
}

/// How much room there is where a file is.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn free_bytes(file: &File) -> io::Result<u64> {
    let found = rustix::fs::fstatvfs(file)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn free_bytes(_file: &File) -> io::Result<u64> {
    Ok(u64::MAX)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn allocate(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The number of a directory entry's file.
pub(crate) fn entry_ino(entry: &DirEntry) -> io::Result<u64> {
    Ok(DirEntryExt::ino(entry))
}

/// When the file's status changed, in nanoseconds since 1970.
pub(crate) fn status_change_ns(metadata: &Metadata) -> u64 {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let nanoseconds = u64::try_from(metadata.ctime_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// The types that only this system has.
pub(crate) fn special_file_type(host: HostFileType) -> FileType {
    use cap_fs_ext::FileTypeExt;
    if host.is_block_device() {
        FileType::BlockDevice
    } else if host.is_char_device() {
        FileType::CharacterDevice
    } else if host.is_socket() {
        FileType::SocketStream
    } else {
        FileType::Unknown
    }
}

/// Maps the number that the system call left, if there is one that WASI knows.
pub(crate) fn errno_from_os(error: &io::Error) -> Option<Errno> {
    use rustix::io::Errno as Host;
    let errno = match Host::from_io_error(error)? {
        Host::TOOBIG => Errno::TooBig,
        Host::ACCESS => Errno::Acces,
        Host::ADDRINUSE => Errno::Addrinuse,
        Host::ADDRNOTAVAIL => Errno::Addrnotavail,
        Host::AFNOSUPPORT => Errno::Afnosupport,
        Host::AGAIN => Errno::Again,
        Host::ALREADY => Errno::Already,
        Host::BADF => Errno::Badf,
        Host::BUSY => Errno::Busy,
        Host::CONNABORTED => Errno::Connaborted,
        Host::CONNREFUSED => Errno::Connrefused,
        Host::CONNRESET => Errno::Connreset,
        Host::DEADLK => Errno::Deadlk,
        Host::DESTADDRREQ => Errno::Destaddrreq,
        Host::DQUOT => Errno::Dquot,
        Host::EXIST => Errno::Exist,
        Host::FBIG => Errno::Fbig,
        Host::HOSTUNREACH => Errno::Hostunreach,
        Host::ILSEQ => Errno::Ilseq,
        Host::INPROGRESS => Errno::Inprogress,
        Host::INTR => Errno::Intr,
        Host::INVAL => Errno::Inval,
        Host::IO => Errno::Io,
        Host::ISCONN => Errno::Isconn,
        Host::ISDIR => Errno::Isdir,
        Host::LOOP => Errno::Loop,
        Host::MFILE => Errno::Mfile,
        Host::MLINK => Errno::Mlink,
        Host::MSGSIZE => Errno::Msgsize,
        Host::NAMETOOLONG => Errno::Nametoolong,
        Host::NETDOWN => Errno::Netdown,
        Host::NETRESET => Errno::Netreset,
        Host::NETUNREACH => Errno::Netunreach,
        Host::NFILE => Errno::Nfile,
        Host::NOBUFS => Errno::Nobufs,
        Host::NODEV => Errno::Nodev,
        Host::NOENT => Errno::Noent,
        Host::NOLCK => Errno::Nolck,
        Host::NOPROTOOPT => Errno::Noprotoopt,
        Host::NOMEM => Errno::Nomem,
        Host::NOSPC => Errno::Nospc,
        Host::NOSYS => Errno::Nosys,
        Host::NOTCONN => Errno::Notconn,
        Host::NOTDIR => Errno::Notdir,
        Host::NOTEMPTY => Errno::Notempty,
        Host::NOTSOCK => Errno::Notsock,
        Host::NOTSUP => Errno::Notsup,
        Host::NOTTY => Errno::Notty,
        Host::NXIO => Errno::Nxio,
        Host::OVERFLOW => Errno::Overflow,
        Host::PERM => Errno::Perm,
        Host::PIPE => Errno::Pipe,
        Host::PROTO => Errno::Proto,
        Host::PROTONOSUPPORT => Errno::Protonosupport,
        Host::PROTOTYPE => Errno::Prototype,
        Host::RANGE => Errno::Range,
        Host::ROFS => Errno::Rofs,
        Host::SPIPE => Errno::Spipe,
        Host::STALE => Errno::Stale,
        Host::TIMEDOUT => Errno::Timedout,
        Host::TXTBSY => Errno::Txtbsy,
        Host::XDEV => Errno::Xdev,
        _ => return None,
    };
    Some(errno)
}
