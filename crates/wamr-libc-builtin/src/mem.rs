//! Checked access to the memory of the guest, and the functions of `string.h` that take lengths.
//!
//! A memory that threads share is read and written byte by byte, as atomics, and searched through
//! copies of small pieces: nothing of it is ever lent. The same goes for regions of the host's that
//! are attached behind the memory's end.

use core::cell::Cell;
use core::cmp::Ordering;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use wamr_runtime::HostRegion;
use wamr_types::TrapCode;

type Result<T> = core::result::Result<T, TrapCode>;

/// The memory of the calling guest, addressed by 32-bit pointers. Every access that would leave it
/// is [`TrapCode::MemoryOutOfBounds`].
pub(crate) struct Mem<'a> {
    bytes: Bytes<'a>,
    /// What is attached, and where.
    regions: &'a [(u64, HostRegion)],
    /// How many bytes were looked at or written, where nobody could tell before.
    work: Cell<u64>,
}

enum Bytes<'a> {
    Own(&'a mut [u8]),
    Shared(&'a [AtomicU8]),
}

/// Some bytes of a memory, or of a region that is attached to it.
#[derive(Clone, Copy)]
enum Part<'p> {
    Own(&'p [u8]),
    Shared(&'p [AtomicU8]),
}

impl<'p> Part<'p> {
    fn len(self) -> usize {
        match self {
            Self::Own(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
        }
    }

    /// The first of its bytes.
    fn first(self, len: usize) -> Self {
        match self {
            Self::Own(bytes) => Self::Own(&bytes[..len]),
            Self::Shared(bytes) => Self::Shared(&bytes[..len]),
        }
    }

    /// At most [`PIECE_BYTES`] of it from a position on, copied where they cannot be lent.
    fn piece<'b>(self, from: usize, buffer: &'b mut [u8; PIECE_BYTES]) -> &'b [u8]
    where
        'p: 'b,
    {
        let to = self.len().min(from + PIECE_BYTES);
        match self {
            Self::Own(bytes) => &bytes[from..to],
            Self::Shared(bytes) => copy(&bytes[from..to], buffer),
        }
    }
}

pub(crate) const OUTSIDE: TrapCode = TrapCode::MemoryOutOfBounds;

/// What 32-bit pointers reach.
const REACHED_BYTES: usize = usize::MAX >> (usize::BITS - 32) as usize;

/// How much of a shared memory is copied at once.
const PIECE_BYTES: usize = 512;

impl<'a> Mem<'a> {
    /// A memory that nobody else uses.
    pub(crate) fn own(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len().min(REACHED_BYTES);
        Self { bytes: Bytes::Own(&mut bytes[..len]), regions: &[], work: Cell::new(0) }
    }

    /// A memory that other threads may use.
    pub(crate) fn shared(bytes: &'a [AtomicU8]) -> Self {
        let len = bytes.len().min(REACHED_BYTES);
        Self { bytes: Bytes::Shared(&bytes[..len]), regions: &[], work: Cell::new(0) }
    }

    /// The same memory with regions of the host's behind its end.
    pub(crate) fn with_regions(self, regions: &'a [(u64, HostRegion)]) -> Self {
        Self { regions, ..self }
    }

    /// How many bytes the functions that take no length have looked at or written.
    pub(crate) fn work(&self) -> u64 {
        self.work.get()
    }

    /// Does something that was paid for before.
    pub(crate) fn paid<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let work = self.work();
        let result = body(self);
        self.work.set(work);
        result
    }

    /// Counts work.
    pub(crate) fn worked(&self, bytes: u64) {
        self.work.set(self.work.get().saturating_add(bytes));
    }

    /// Bytes that lie in the memory, if nobody else uses them.
    pub(crate) fn lend(&self, at: u32, len: u64) -> Option<&[u8]> {
        match self.part(at.into(), len) {
            Ok(Part::Own(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match &self.bytes {
            Bytes::Own(bytes) => bytes.len(),
            Bytes::Shared(bytes) => bytes.len(),
        }
    }

    /// A range of the memory.
    fn range(&self, at: u64, len: u64) -> Result<Range<usize>> {
        let end = at.checked_add(len).filter(|end| *end <= self.len() as u64).ok_or(OUTSIDE)?;
        Ok(at as usize..end as usize)
    }

    /// Everything from an address on, to the end of the memory or of a region.
    fn rest(&self, at: u64) -> Result<Part<'_>> {
        let own = self.len() as u64;
        if at < own || self.regions.is_empty() {
            let from = self.range(at, own.checked_sub(at).ok_or(OUTSIDE)?)?;
            return Ok(match &self.bytes {
                Bytes::Own(bytes) => Part::Own(&bytes[from]),
                Bytes::Shared(bytes) => Part::Shared(&bytes[from]),
            });
        }
        let found = self.regions.iter().find_map(|(start, region)| {
            let bytes = region.data().get(usize::try_from(at.checked_sub(*start)?).ok()?..)?;
            (!bytes.is_empty()).then_some(Part::Shared(bytes))
        });
        // Nothing may lie at the end, too.
        found.or((at == own).then_some(Part::Own(&[]))).ok_or(OUTSIDE)
    }

    /// So many bytes from an address on.
    fn part(&self, at: u64, len: u64) -> Result<Part<'_>> {
        let rest = self.rest(at)?;
        if len > rest.len() as u64 {
            return Err(OUTSIDE);
        }
        Ok(rest.first(len as usize))
    }

    /// Whether bytes lie behind the end of the memory, all in a region.
    fn is_attached(&self, at: u64, len: u64) -> bool {
        !self.regions.is_empty() && self.range(at, len).is_err() && self.part(at, len).is_ok()
    }

    /// Checks that bytes lie in the memory.
    pub(crate) fn check(&self, at: u32, len: u32) -> Result<()> {
        self.part(at.into(), len.into()).map(drop)
    }

    /// One byte.
    pub(crate) fn byte(&self, at: u64) -> Result<u8> {
        Ok(match self.part(at, 1)? {
            Part::Own(bytes) => bytes[0],
            Part::Shared(bytes) => bytes[0].load(Relaxed),
        })
    }

    pub(crate) fn array<const N: usize>(&self, at: u32) -> Result<[u8; N]> {
        let mut array = [0; N];
        self.read(at.into(), &mut array)?;
        Ok(array)
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, at: u64, to: &mut [u8]) -> Result<()> {
        match self.part(at, to.len() as u64)? {
            Part::Own(bytes) => to.copy_from_slice(bytes),
            Part::Shared(bytes) => {
                to.iter_mut().zip(bytes).for_each(|(to, from)| *to = from.load(Relaxed));
            }
        }
        Ok(())
    }

    /// Copies bytes in.
    pub(crate) fn write(&mut self, at: u32, from: &[u8]) -> Result<()> {
        if self.is_attached(at.into(), from.len() as u64) {
            return self.store(at, from.len() as u64, from.iter().copied());
        }
        let range = self.range(at.into(), from.len() as u64)?;
        match &mut self.bytes {
            Bytes::Own(bytes) => bytes[range].copy_from_slice(from),
            Bytes::Shared(bytes) => {
                bytes[range].iter().zip(from).for_each(|(to, from)| to.store(*from, Relaxed));
            }
        }
        Ok(())
    }

    /// Writes bytes of a region or a shared memory one by one.
    fn store(&self, at: u32, len: u64, from: impl Iterator<Item = u8>) -> Result<()> {
        let Part::Shared(bytes) = self.part(at.into(), len)? else { return Err(OUTSIDE) };
        bytes.iter().zip(from).for_each(|(to, from)| to.store(from, Relaxed));
        Ok(())
    }

    /// Shows bytes, piece by piece, until `show` stops it.
    pub(crate) fn pieces<E: From<TrapCode>>(
        &self,
        at: u32,
        len: u32,
        mut show: impl FnMut(&[u8]) -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        match self.part(at.into(), len.into())? {
            Part::Own(bytes) => show(bytes),
            Part::Shared(bytes) => {
                let mut buffer = [0; PIECE_BYTES];
                bytes.chunks(PIECE_BYTES).try_for_each(|piece| show(copy(piece, &mut buffer)))
            }
        }
    }

    /// Looks for something from an address on, in at most `max` bytes: how far away it is.
    ///
    /// No more need lie in memory than what is looked at.
    pub(crate) fn find(
        &self,
        at: u32,
        max: u64,
        mut find: impl FnMut(&[u8]) -> Option<usize>,
    ) -> Result<Option<u32>> {
        let rest = self.rest(at.into())?;
        let part = rest.first(max.min(rest.len() as u64) as usize);
        let seen = part.len() as u64;
        let found = match part {
            Part::Own(bytes) => find(bytes),
            Part::Shared(bytes) => {
                let mut buffer = [0; PIECE_BYTES];
                let mut pieces = bytes.chunks(PIECE_BYTES).enumerate();
                pieces.find_map(|(number, piece)| {
                    Some(number * PIECE_BYTES + find(copy(piece, &mut buffer))?)
                })
            }
        };
        self.worked(found.map_or(seen, |found| found as u64 + 1));
        match found {
            Some(found) => Ok(Some(found as u32)),
            None if seen == max => Ok(None),
            None => Err(OUTSIDE),
        }
    }

    /// Compares bytes from two addresses on, at most `max`: what `compare` makes of the first that
    /// it says something of, with how many bytes it took for that.
    ///
    /// No more need lie in memory than what is looked at.
    pub(crate) fn compare(
        &self,
        (a, b): (u32, u32),
        max: u64,
        mut compare: impl FnMut(&[u8], &[u8]) -> Option<(usize, i32)>,
    ) -> Result<i32> {
        let (a, b) = (self.rest(a.into())?, self.rest(b.into())?);
        let len = max.min(a.len().min(b.len()) as u64) as usize;
        let (a, b) = (a.first(len), b.first(len));
        let found = match (a, b) {
            (Part::Own(a), Part::Own(b)) => compare(a, b),
            _ => {
                let mut buffers = [[0; PIECE_BYTES]; 2];
                let [one, two] = &mut buffers;
                (0..len).step_by(PIECE_BYTES).find_map(|from| {
                    let (position, answer) = compare(a.piece(from, one), b.piece(from, two))?;
                    Some((from + position, answer))
                })
            }
        };
        self.worked(found.map_or(len as u64, |(position, _)| position as u64 + 1));
        match found {
            Some((_, answer)) => Ok(answer),
            None if len as u64 == max => Ok(0),
            None => Err(OUTSIDE),
        }
    }

    /// `memcpy` and `memmove`: overlapping is defined here.
    pub(crate) fn memmove(&mut self, to: u32, from: u32, len: u32) -> Result<u32> {
        let is_attached = |at: u32| self.is_attached(at.into(), len.into());
        if is_attached(to) || is_attached(from) {
            return self.move_pieces(to, from, len);
        }
        let (into, range) =
            (self.range(to.into(), len.into())?, self.range(from.into(), len.into())?);
        match &mut self.bytes {
            Bytes::Own(bytes) => bytes.copy_within(range, into.start),
            Bytes::Shared(bytes) => {
                let move_byte =
                    |(to, from): (&AtomicU8, &AtomicU8)| to.store(from.load(Relaxed), Relaxed);
                let pairs = bytes[into].iter().zip(&bytes[range]);
                // In an order in which no byte is read after it was written.
                if to <= from { pairs.for_each(move_byte) } else { pairs.rev().for_each(move_byte) }
            }
        }
        Ok(to)
    }

    /// The same, by copies of pieces.
    fn move_pieces(&mut self, to: u32, from: u32, len: u32) -> Result<u32> {
        self.check(to, len)?;
        self.check(from, len)?;
        let mut buffer = [0; PIECE_BYTES];
        let pieces = len.div_ceil(PIECE_BYTES as u32);
        for number in 0..pieces {
            // In an order in which nothing is read after it was written.
            let number = if to <= from { number } else { pieces - 1 - number };
            let at = number * PIECE_BYTES as u32;
            let piece = &mut buffer[..PIECE_BYTES.min((len - at) as usize)];
            self.read(u64::from(from) + u64::from(at), piece)?;
            self.write(to + at, piece)?;
        }
        Ok(to)
    }

    pub(crate) fn memset(&mut self, at: u32, value: i32, len: u32) -> Result<u32> {
        if self.is_attached(at.into(), len.into()) {
            self.store(at, len.into(), core::iter::repeat(value as u8))?;
            return Ok(at);
        }
        let range = self.range(at.into(), len.into())?;
        match &mut self.bytes {
            Bytes::Own(bytes) => bytes[range].fill(value as u8),
            Bytes::Shared(bytes) => {
                bytes[range].iter().for_each(|byte| byte.store(value as u8, Relaxed));
            }
        }
        Ok(at)
    }

    pub(crate) fn memcmp(&self, a: u32, b: u32, len: u32) -> Result<i32> {
        self.check(a, len)?;
        self.check(b, len)?;
        self.compare((a, b), len.into(), |a, b| match a.cmp(b) {
            Ordering::Equal => None,
            different => Some((0, order(different))),
        })
    }

    /// C looks no further than the first match, so no more need lie in memory.
    pub(crate) fn memchr(&self, at: u32, value: i32, len: u32) -> Result<u32> {
        if len == 0 {
            return Ok(0);
        }
        let found = self.find(at, len.into(), |piece| memchr::memchr(value as u8, piece))?;
        Ok(found.map_or(0, |position| at + position))
    }
}

/// A copy of a piece of shared memory.
fn copy<'b>(piece: &[AtomicU8], buffer: &'b mut [u8; PIECE_BYTES]) -> &'b [u8] {
    let buffer = &mut buffer[..piece.len()];
    buffer.iter_mut().zip(piece).for_each(|(to, from)| *to = from.load(Relaxed));
    buffer
}

/// What comparisons return.
pub(crate) fn order(order: Ordering) -> i32 {
    order as i32
}

/// Runs a test over a memory of one guest's own, and over one that threads share.
#[cfg(test)]
pub(crate) fn both_kinds(bytes: &[u8], test: impl Fn(&mut Mem<'_>)) {
    let mut own = bytes.to_vec();
    test(&mut Mem::own(&mut own));
    let shared: Vec<AtomicU8> = bytes.iter().copied().map(AtomicU8::new).collect();
    test(&mut Mem::shared(&shared));
    let shared: Vec<u8> = shared.into_iter().map(AtomicU8::into_inner).collect();
    assert_eq!(own, shared, "both are left alike");
}

#[cfg(test)]
impl Mem<'_> {
    /// A copy of bytes.
    pub(crate) fn bytes(&self, at: u32, len: u32) -> Result<Vec<u8>> {
        self.check(at, len)?;
        let mut bytes = vec![0; len as usize];
        self.read(at.into(), &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        both_kinds(b"abcdefgh", |mem| {
            assert_eq!(mem.bytes(8, 0), Ok(vec![]));
            for (at, len) in [(8, 1), (9, 0), (0, 9), (u32::MAX, u32::MAX), (1, u32::MAX)] {
                assert_eq!(mem.bytes(at, len), Err(OUTSIDE));
                assert_eq!(mem.memset(at, 0, len), Err(OUTSIDE));
                assert_eq!(mem.memmove(0, at, len), Err(OUTSIDE));
                assert_eq!(mem.memmove(at, 0, len), Err(OUTSIDE));
                assert_eq!(mem.memcmp(at, 0, len), Err(OUTSIDE));
                assert_eq!(mem.memcmp(0, at, len), Err(OUTSIDE));
            }
            assert_eq!(mem.strlen(0), Err(OUTSIDE));
            assert_eq!(mem.string_up_to(0, 8), Ok(8));
            assert_eq!(mem.string_up_to(0, 9), Err(OUTSIDE));
            assert_eq!(mem.string_up_to(100, 0), Ok(0));
            assert_eq!(mem.memchr(9, 0, 1), Err(OUTSIDE));
            assert_eq!(mem.bytes(0, 8).unwrap(), b"abcdefgh");
        });
    }

    #[test]
    fn functions_with_lengths_mean_what_c_says() {
        both_kinds(b"abcabd\0\xff", |mem| {
            assert_eq!(mem.memcmp(0, 3, 2), Ok(0));
            assert_eq!((mem.memcmp(0, 3, 3).unwrap(), mem.memcmp(3, 0, 3).unwrap()), (-1, 1));
            assert_eq!(mem.memcmp(7, 0, 1), Ok(1), "bytes are unsigned");
            assert_eq!(mem.memcmp(8, 8, 0), Ok(0));
            assert_eq!(mem.memchr(0, i32::from(b'b'), 6), Ok(1));
            assert_eq!(mem.memchr(0, 0x100 + i32::from(b'b'), 6), Ok(1), "an unsigned char");
            assert_eq!(mem.memchr(0, i32::from(b'd'), 5), Ok(0));
            assert_eq!(mem.memchr(0, i32::from(b'd'), u32::MAX), Ok(5), "not beyond the match");
            assert_eq!(mem.memchr(0, i32::from(b'x'), u32::MAX), Err(OUTSIDE));
            assert_eq!(mem.memmove(1, 0, 5), Ok(1));
            assert_eq!(mem.bytes(0, 6).unwrap(), b"aabcab");
            assert_eq!(mem.memset(1, 0x141, 2), Ok(1));
            assert_eq!(mem.bytes(0, 4).unwrap(), b"aAAc");
        });
    }

    #[test]
    fn what_lies_in_several_pieces_is_one() {
        let len = 3 * PIECE_BYTES as u32;
        let mut bytes: Vec<u8> = (0..2 * len).map(|i| 1 + (i % 200) as u8).collect();
        bytes[len as usize - 1] = 0;
        both_kinds(&bytes, |mem| {
            assert_eq!((mem.strlen(0), mem.strlen(7)), (Ok(len - 1), Ok(len - 8)));
            assert_eq!(mem.memchr(0, 0, 2 * len), Ok(len - 1));
            assert_eq!(mem.memcmp(0, 200, len - 400), Ok(0));
            assert_eq!(mem.memcmp(0, 200, len - 200), Ok(1), "a NUL is less");
            assert_eq!(mem.strcmp(0, 200), Ok(1));
            let mut seen = 0;
            mem.pieces::<TrapCode>(3, len, |piece| {
                seen += piece.len();
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, len as usize);
            // Both ways of overlapping.
            let expected = mem.bytes(0, len).unwrap();
            mem.memmove(5, 0, len).unwrap();
            assert_eq!(mem.bytes(5, len).unwrap(), expected);
            mem.memmove(0, 5, len).unwrap();
            assert_eq!(mem.bytes(0, len).unwrap(), expected);
            mem.memset(1, 9, len).unwrap();
            assert_eq!(mem.bytes(1, len).unwrap(), vec![9; len as usize]);
        });
    }

    #[test]
    fn work_is_what_was_looked_at() {
        both_kinds(b"abc\0abd\0", |mem| {
            let mut before = 0;
            let mut work = |mem: &Mem<'_>| {
                let work = mem.work() - before;
                before = mem.work();
                work
            };
            mem.strlen(0).unwrap();
            assert_eq!(work(mem), 4);
            mem.strcmp(0, 4).unwrap();
            assert_eq!(work(mem), 3);
            mem.strchr(0, i32::from(b'b')).unwrap();
            assert_eq!(work(mem), 2);
        });
    }

    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn regions_behind_the_end_are_reached() {
        const AT: u32 = 0x1_0000;
        let (end, region) = (AT + 4096, HostRegion::new(4096).unwrap());
        let regions = [(u64::from(AT), region.clone())];
        let mut own: Vec<u8> = (0..2000).map(|i| 1 + (i % 200) as u8).collect();
        let mem = &mut Mem::own(&mut own).with_regions(&regions);
        assert_eq!(mem.memmove(AT + 16, 0, 2000), Ok(AT + 16));
        assert_eq!(region.data()[17].load(Relaxed), 2);
        assert_eq!((mem.memcmp(0, AT + 16, 2000), mem.memcmp(AT + 17, 0, 2)), (Ok(0), Ok(1)));
        assert_eq!((mem.strlen(AT + 16), mem.memchr(AT, 200, 4096)), (Ok(2000), Ok(AT + 215)));
        assert_eq!((mem.strstr(AT + 16, 3), mem.strstr(0, AT + 18)), (Err(OUTSIDE), Err(OUTSIDE)));
        // Both ways of overlapping, and back.
        let expected = mem.bytes(AT, 3000).unwrap();
        mem.memmove(AT + 5, AT, 3000).unwrap();
        assert_eq!(mem.bytes(AT + 5, 3000).unwrap(), expected);
        mem.memmove(AT, AT + 5, 3000).unwrap();
        assert_eq!(mem.bytes(AT, 3000).unwrap(), expected);
        mem.memset(0, 0, 2000).unwrap();
        mem.memmove(0, AT + 16, 1999).unwrap();
        assert_eq!((mem.strstr(AT + 16, 100), mem.strcmp(0, AT + 16)), (Ok(AT + 116), Ok(-1)));
        mem.memset(end - 3, 9, 3).unwrap();
        assert_eq!(mem.strlen(end - 3), Err(OUTSIDE), "it ends with the region");
        // Nothing goes from one place into the other, nor beyond.
        for (at, len) in [(1999, 2), (2000, 1), (AT - 1, 2), (end - 1, 2), (end, 1), (AT, u32::MAX)]
        {
            assert_eq!(mem.check(at, len), Err(OUTSIDE));
            assert_eq!(mem.memset(at, 1, len), Err(OUTSIDE));
            assert_eq!(mem.memmove(at, 0, len), Err(OUTSIDE));
            assert_eq!(mem.memmove(AT, at, len), Err(OUTSIDE));
            assert_eq!(mem.write(at, &vec![1; len.min(9000) as usize]), Err(OUTSIDE));
        }
        assert_eq!((mem.check(2000, 0), mem.check(AT, 4096)), (Ok(()), Ok(())));
    }
}
