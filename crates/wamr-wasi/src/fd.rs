//! The descriptor table of a guest: what its small numbers stand for. What a descriptor can do
//! stands in `file`, `dir`, `stream` and `socket`.

use crate::dir::{Dir, MAX_LISTING_BYTES};
use crate::errno::Errno;
use crate::file::File;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::sys::Handle;

/// What a descriptor number stands for.
#[derive(Debug)]
pub(crate) enum Descriptor {
    Stream(Stream),
    File(File),
    Dir(Dir),
    Socket(Socket),
}

impl Descriptor {
    /// What can be waited for; nothing where reading and writing never wait.
    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        match self {
            Self::Stream(stream) => stream.handle(),
            Self::File(file) => file.handle(),
            Self::Socket(socket) => socket.handle(),
            Self::Dir(_) => None,
        }
    }
}

/// The descriptors of one guest: a new one gets the lowest free number, and their count is limited.
#[derive(Debug)]
pub(crate) struct FdTable {
    slots: Vec<Option<Descriptor>>,
    max: usize,
}

impl FdTable {
    /// A table that begins with `descriptors`.
    pub(crate) fn with(descriptors: impl IntoIterator<Item = Descriptor>, max: usize) -> Self {
        Self { slots: descriptors.into_iter().map(Some).collect(), max }
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.slots.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::Badf)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::Badf)
    }

    /// The file of `fd`; other kinds are bad descriptors here.
    pub(crate) fn file(&self, fd: u32) -> Result<&File, Errno> {
        match self.get(fd)? {
            Descriptor::File(file) => Ok(file),
            _ => Err(Errno::Badf),
        }
    }

    /// The directory of `fd`.
    pub(crate) fn dir(&self, fd: u32) -> Result<&Dir, Errno> {
        match self.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            Descriptor::File(_) => Err(Errno::Notdir),
            Descriptor::Stream(_) | Descriptor::Socket(_) => Err(Errno::Badf),
        }
    }

    pub(crate) fn dir_mut(&mut self, fd: u32) -> Result<&mut Dir, Errno> {
        match self.get_mut(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            Descriptor::File(_) => Err(Errno::Notdir),
            Descriptor::Stream(_) | Descriptor::Socket(_) => Err(Errno::Badf),
        }
    }

    /// The socket of `fd`.
    pub(crate) fn socket(&self, fd: u32) -> Result<&Socket, Errno> {
        match self.get(fd)? {
            Descriptor::Socket(socket) => Ok(socket),
            _ => Err(Errno::Notsock),
        }
    }

    pub(crate) fn socket_mut(&mut self, fd: u32) -> Result<&mut Socket, Errno> {
        match self.get_mut(fd)? {
            Descriptor::Socket(socket) => Ok(socket),
            _ => Err(Errno::Notsock),
        }
    }

    /// Keeps the memory that listings take in bounds: if there is too much, only that of `current`
    /// stays.
    pub(crate) fn limit_listings(&mut self, current: u32) {
        let sizes = self.slots.iter().flatten().filter_map(|slot| match slot {
            Descriptor::Dir(dir) => Some(dir.listing_bytes()),
            _ => None,
        });
        if sizes.sum::<usize>() <= MAX_LISTING_BYTES {
            return;
        }
        for (fd, slot) in (0..).zip(&mut self.slots) {
            if let Some(Descriptor::Dir(dir)) = slot
                && fd != current
            {
                dir.forget_listing();
            }
        }
    }

    /// Checks that one more descriptor fits, to be asked before something is created for it.
    pub(crate) fn check_room(&self) -> Result<(), Errno> {
        if self.slots.len() < self.max || self.slots.iter().any(Option::is_none) {
            Ok(())
        } else {
            Err(Errno::Mfile)
        }
    }

    /// Gives `descriptor` the lowest free number.
    pub(crate) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        let index = match self.slots.iter().position(Option::is_none) {
            Some(free) => free,
            None if self.slots.len() < self.max => {
                self.slots.push(None);
                self.slots.len() - 1
            }
            None => return Err(Errno::Mfile),
        };
        let fd = u32::try_from(index).map_err(|_| Errno::Mfile)?;
        self.slots[index] = Some(descriptor);
        Ok(fd)
    }

    /// Frees `fd` and hands out what it stood for.
    pub(crate) fn remove(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::Badf)
    }

    /// Moves `from` to the number `to`, closing what was there. Both have to be open.
    pub(crate) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from)?;
        self.get(to)?;
        if from != to {
            let moved = self.remove(from)?;
            self.slots[to as usize] = Some(moved);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Descriptor {
        Descriptor::Stream(Stream::Reader(Box::new(std::io::empty())))
    }

    #[test]
    fn lowest_free_number_and_limit() {
        let mut table = FdTable::with([], 3);
        assert_eq!((0..3).map(|_| table.insert(stream()).unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(table.insert(stream()), Err(Errno::Mfile));
        assert_eq!(table.check_room(), Err(Errno::Mfile));
        table.remove(1).unwrap();
        table.remove(0).unwrap();
        assert_eq!(table.insert(stream()), Ok(0));
        assert_eq!(table.insert(stream()), Ok(1));
    }

    #[test]
    fn renumber_needs_both() {
        let mut table = FdTable::with([], 8);
        table.insert(stream()).unwrap();
        table.insert(stream()).unwrap();
        assert_eq!(table.renumber(0, 7), Err(Errno::Badf));
        assert_eq!(table.renumber(u32::MAX, 0), Err(Errno::Badf));
        assert_eq!(table.renumber(1, 1), Ok(()));
        assert_eq!(table.renumber(0, 1), Ok(()));
        assert!(table.get(0).is_err());
        assert!(table.get(1).is_ok());
    }
}
