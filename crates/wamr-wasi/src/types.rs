//! The types of WASI preview 1 as they lie in guest memory. Snapshot 0 (`wasi_unstable`) differs in
//! few of them; each such type says how.

use bitflags::bitflags;

use crate::errno::Errno;
use crate::guest::GuestMemory;

bitflags! {
    /// What a descriptor may be used for, as reported by `fd_fdstat_get`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Rights: u64 {
        const FD_DATASYNC = 1 << 0;
        const FD_READ = 1 << 1;
        const FD_SEEK = 1 << 2;
        const FD_FDSTAT_SET_FLAGS = 1 << 3;
        const FD_SYNC = 1 << 4;
        const FD_TELL = 1 << 5;
        const FD_WRITE = 1 << 6;
        const FD_ADVISE = 1 << 7;
        const FD_ALLOCATE = 1 << 8;
        const PATH_CREATE_DIRECTORY = 1 << 9;
        const PATH_CREATE_FILE = 1 << 10;
        const PATH_LINK_SOURCE = 1 << 11;
        const PATH_LINK_TARGET = 1 << 12;
        const PATH_OPEN = 1 << 13;
        const FD_READDIR = 1 << 14;
        const PATH_READLINK = 1 << 15;
        const PATH_RENAME_SOURCE = 1 << 16;
        const PATH_RENAME_TARGET = 1 << 17;
        const PATH_FILESTAT_GET = 1 << 18;
        const PATH_FILESTAT_SET_SIZE = 1 << 19;
        const PATH_FILESTAT_SET_TIMES = 1 << 20;
        const FD_FILESTAT_GET = 1 << 21;
        const FD_FILESTAT_SET_SIZE = 1 << 22;
        const FD_FILESTAT_SET_TIMES = 1 << 23;
        const PATH_SYMLINK = 1 << 24;
        const PATH_REMOVE_DIRECTORY = 1 << 25;
        const PATH_UNLINK_FILE = 1 << 26;
        const POLL_FD_READWRITE = 1 << 27;
        const SOCK_SHUTDOWN = 1 << 28;
        const SOCK_ACCEPT = 1 << 29;

        /// What makes sense on a directory itself.
        const DIRECTORY = Self::PATH_CREATE_DIRECTORY.bits()
            | Self::PATH_CREATE_FILE.bits()
            | Self::PATH_LINK_SOURCE.bits()
            | Self::PATH_LINK_TARGET.bits()
            | Self::PATH_OPEN.bits()
            | Self::FD_READDIR.bits()
            | Self::PATH_READLINK.bits()
            | Self::PATH_RENAME_SOURCE.bits()
            | Self::PATH_RENAME_TARGET.bits()
            | Self::PATH_SYMLINK.bits()
            | Self::PATH_REMOVE_DIRECTORY.bits()
            | Self::PATH_UNLINK_FILE.bits()
            | Self::PATH_FILESTAT_GET.bits()
            | Self::PATH_FILESTAT_SET_TIMES.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::FD_FILESTAT_SET_TIMES.bits();

        /// What makes sense on a file.
        const FILE = Self::FD_DATASYNC.bits()
            | Self::FD_READ.bits()
            | Self::FD_SEEK.bits()
            | Self::FD_FDSTAT_SET_FLAGS.bits()
            | Self::FD_SYNC.bits()
            | Self::FD_TELL.bits()
            | Self::FD_WRITE.bits()
            | Self::FD_ADVISE.bits()
            | Self::FD_ALLOCATE.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::FD_FILESTAT_SET_SIZE.bits()
            | Self::FD_FILESTAT_SET_TIMES.bits()
            | Self::POLL_FD_READWRITE.bits();

        /// What makes sense on a connected socket.
        const SOCKET = Self::FD_READ.bits()
            | Self::FD_WRITE.bits()
            | Self::FD_FDSTAT_SET_FLAGS.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::POLL_FD_READWRITE.bits()
            | Self::SOCK_SHUTDOWN.bits();
    }

    /// Flags of an open descriptor.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct FdFlags: u32 {
        const APPEND = 1 << 0;
        const DSYNC = 1 << 1;
        const NONBLOCK = 1 << 2;
        const RSYNC = 1 << 3;
        const SYNC = 1 << 4;
    }

    /// How `path_open` opens.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct OFlags: u32 {
        const CREAT = 1 << 0;
        const DIRECTORY = 1 << 1;
        const EXCL = 1 << 2;
        const TRUNC = 1 << 3;
    }

    /// How a path is resolved.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct LookupFlags: u32 {
        const SYMLINK_FOLLOW = 1 << 0;
    }

    /// Which time stamps to set, and from where.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct FstFlags: u32 {
        const ATIM = 1 << 0;
        const ATIM_NOW = 1 << 1;
        const MTIM = 1 << 2;
        const MTIM_NOW = 1 << 3;
    }

    /// Flags of `sock_recv`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct RiFlags: u32 {
        const PEEK = 1 << 0;
        const WAITALL = 1 << 1;
    }

    /// Which directions `sock_shutdown` closes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct SdFlags: u32 {
        const RD = 1 << 0;
        const WR = 1 << 1;
    }
}

/// Reads a flags argument; unknown bits are invalid.
macro_rules! parse_flags {
    ($($type:ty),*) => {
        $(
            impl $type {
                pub(crate) fn parse(bits: u32) -> Result<Self, Errno> {
                    Self::from_bits(bits).ok_or(Errno::Inval)
                }
            }
        )*
    };
}
parse_flags!(FdFlags, OFlags, LookupFlags, FstFlags, RiFlags, SdFlags);

/// What a descriptor or a directory entry refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FileType {
    Unknown = 0,
    #[cfg_attr(not(unix), expect(dead_code, reason = "a Unix notion"))]
    BlockDevice = 1,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    SocketDgram = 5,
    SocketStream = 6,
    SymbolicLink = 7,
}

/// Where `fd_seek` counts from. The numbers differ between the snapshots, so there are two readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whence {
    Set,
    Cur,
    End,
}

impl Whence {
    /// Reads the numbering of `wasi_snapshot_preview1`.
    pub(crate) fn parse_preview1(value: u32) -> Result<Self, Errno> {
        match value {
            0 => Ok(Self::Set),
            1 => Ok(Self::Cur),
            2 => Ok(Self::End),
            _ => Err(Errno::Inval),
        }
    }

    /// Reads the numbering of `wasi_unstable`.
    pub(crate) fn parse_unstable(value: u32) -> Result<Self, Errno> {
        match value {
            0 => Ok(Self::Cur),
            1 => Ok(Self::End),
            2 => Ok(Self::Set),
            _ => Err(Errno::Inval),
        }
    }
}

/// The attributes of a descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FdStat {
    pub(crate) filetype: FileType,
    pub(crate) flags: FdFlags,
    pub(crate) rights_base: Rights,
    pub(crate) rights_inheriting: Rights,
}

impl FdStat {
    pub(crate) fn write(&self, mem: &mut GuestMemory<'_>, ptr: u32) -> Result<(), Errno> {
        let mut bytes = [0; 24];
        bytes[0] = self.filetype as u8;
        bytes[2..4].copy_from_slice(&(self.flags.bits() as u16).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.rights_base.bits().to_le_bytes());
        bytes[16..24].copy_from_slice(&self.rights_inheriting.bits().to_le_bytes());
        mem.write(ptr, &bytes)
    }
}

/// The attributes of a file. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileStat {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) filetype: FileType,
    pub(crate) nlink: u64,
    pub(crate) size: u64,
    pub(crate) atim: u64,
    pub(crate) mtim: u64,
    pub(crate) ctim: u64,
}

impl FileStat {
    /// The attributes of something that isn't in a file system.
    pub(crate) fn of_type(filetype: FileType) -> Self {
        Self { dev: 0, ino: 0, filetype, nlink: 0, size: 0, atim: 0, mtim: 0, ctim: 0 }
    }

    /// Writes the layout of `wasi_snapshot_preview1`.
    pub(crate) fn write_preview1(&self, mem: &mut GuestMemory<'_>, ptr: u32) -> Result<(), Errno> {
        let mut bytes = [0; 64];
        bytes[24..32].copy_from_slice(&self.nlink.to_le_bytes());
        self.fill(&mut bytes, 32);
        mem.write(ptr, &bytes)
    }

    /// Writes the layout of `wasi_unstable`, whose link count has 32 bits.
    pub(crate) fn write_unstable(&self, mem: &mut GuestMemory<'_>, ptr: u32) -> Result<(), Errno> {
        let mut bytes = [0; 56];
        let nlink = u32::try_from(self.nlink).unwrap_or(u32::MAX);
        bytes[20..24].copy_from_slice(&nlink.to_le_bytes());
        self.fill(&mut bytes, 24);
        mem.write(ptr, &bytes)
    }

    /// Fills all but the link count; size and times start at `size_offset`.
    fn fill(&self, bytes: &mut [u8], size_offset: usize) {
        bytes[0..8].copy_from_slice(&self.dev.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.ino.to_le_bytes());
        bytes[16] = self.filetype as u8;
        for (field, value) in [self.size, self.atim, self.mtim, self.ctim].into_iter().enumerate() {
            let start = size_offset + field * 8;
            bytes[start..start + 8].copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// The head of a directory entry; the name follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dirent {
    pub(crate) next: u64,
    pub(crate) ino: u64,
    pub(crate) name_len: u32,
    pub(crate) filetype: FileType,
}

impl Dirent {
    pub(crate) const SIZE: usize = 24;

    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..8].copy_from_slice(&self.next.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.ino.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.name_len.to_le_bytes());
        bytes[20] = self.filetype as u8;
        bytes
    }
}

/// A clock that guests can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockId {
    Realtime,
    Monotonic,
    ProcessCputime,
    ThreadCputime,
}

impl ClockId {
    pub(crate) fn parse(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(Self::Realtime),
            1 => Ok(Self::Monotonic),
            2 => Ok(Self::ProcessCputime),
            3 => Ok(Self::ThreadCputime),
            _ => Err(Errno::Inval),
        }
    }
}

/// One thing that `poll_oneoff` waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) userdata: u64,
    pub(crate) kind: SubscriptionKind,
}

/// What a [`Subscription`] waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SubscriptionKind {
    Clock { id: ClockId, timeout_ns: u64, absolute: bool },
    FdRead(u32),
    FdWrite(u32),
}

impl Subscription {
    /// The size in bytes in `wasi_snapshot_preview1`.
    pub(crate) const SIZE_PREVIEW1: u32 = 48;
    /// The size in bytes in `wasi_unstable`, where a clock carries a second user value.
    pub(crate) const SIZE_UNSTABLE: u32 = 56;

    /// Reads the layout of `wasi_snapshot_preview1`.
    pub(crate) fn read_preview1(mem: &GuestMemory<'_>, ptr: u32) -> Result<Self, Errno> {
        Self::read(&mem.bytes(ptr, Self::SIZE_PREVIEW1)?, 16)
    }

    /// Reads the layout of `wasi_unstable`.
    pub(crate) fn read_unstable(mem: &GuestMemory<'_>, ptr: u32) -> Result<Self, Errno> {
        Self::read(&mem.bytes(ptr, Self::SIZE_UNSTABLE)?, 24)
    }

    /// `clock_offset` is where the clock's identifier starts.
    fn read(bytes: &[u8], clock_offset: usize) -> Result<Self, Errno> {
        let u64_at = |at| field::<8>(bytes, at).map(u64::from_le_bytes);
        let u32_at = |at| field::<4>(bytes, at).map(u32::from_le_bytes);
        let kind = match bytes.get(8) {
            Some(0) => {
                let flags = field::<2>(bytes, clock_offset + 24).map(u16::from_le_bytes)?;
                if flags > 1 {
                    return Err(Errno::Inval);
                }
                SubscriptionKind::Clock {
                    id: ClockId::parse(u32_at(clock_offset)?)?,
                    timeout_ns: u64_at(clock_offset + 8)?,
                    absolute: flags == 1,
                }
            }
            Some(1) => SubscriptionKind::FdRead(u32_at(16)?),
            Some(2) => SubscriptionKind::FdWrite(u32_at(16)?),
            _ => return Err(Errno::Inval),
        };
        Ok(Self { userdata: u64_at(0)?, kind })
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Errno> {
    bytes.get(at..at + N).and_then(|field| field.try_into().ok()).ok_or(Errno::Fault)
}

/// Something that happened, as reported by `poll_oneoff`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) userdata: u64,
    pub(crate) kind: EventKind,
    pub(crate) nbytes: u64,
    pub(crate) hangup: bool,
}

/// What an [`Event`] answers.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum EventKind {
    Clock = 0,
    FdRead = 1,
    FdWrite = 2,
}

impl Event {
    /// The size in bytes, in both snapshots.
    pub(crate) const SIZE: u32 = 32;

    pub(crate) fn write(&self, mem: &mut GuestMemory<'_>, ptr: u32) -> Result<(), Errno> {
        let mut bytes = [0; Self::SIZE as usize];
        bytes[0..8].copy_from_slice(&self.userdata.to_le_bytes());
        bytes[10] = self.kind as u8;
        bytes[16..24].copy_from_slice(&self.nbytes.to_le_bytes());
        bytes[24] = u8::from(self.hangup);
        mem.write(ptr, &bytes)
    }
}
