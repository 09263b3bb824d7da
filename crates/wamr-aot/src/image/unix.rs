//! Code in memory of Unix.

use core::ops::Range;
use core::ptr::{self, NonNull};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};
use std::{slice, thread};

/// Memory that is first written, by its owner alone, and then protected: some pages are run, and
/// none is written any more.
#[derive(Debug)]
pub(super) struct Mapping {
    base: NonNull<u8>,
    /// How much is mapped, which is never nothing.
    mapped: usize,
    /// How much of that is of use.
    len: usize,
}

// SAFETY: who has it alone may write it, and afterwards nobody does.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

/// From so many bytes on, large pages pay.
const LARGE_BYTES: usize = 4 << 20;

impl Mapping {
    /// Maps zeros.
    pub(super) fn new(len: usize) -> io::Result<Self> {
        let mapped = len.max(1);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: an anonymous mapping at an address of the system's choice touches nothing.
        let base = unsafe { libc::mmap(ptr::null_mut(), mapped, access, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        #[cfg(target_os = "linux")]
        if mapped >= LARGE_BYTES {
            // SAFETY: advice changes nothing but costs. Whether it is taken does not matter.
            unsafe { libc::madvise(base.as_ptr().cast(), mapped, libc::MADV_HUGEPAGE) };
        }
        Ok(Self { base, mapped, len })
    }

    /// Reads what there is, at most `len` bytes of it.
    pub(super) fn read(mut from: impl Read, len: usize) -> io::Result<Self> {
        let mut this = Self::new(len)?;
        let mut read = 0;
        while read < len {
            match from.read(&mut this.bytes_mut()[read..]) {
                Ok(0) => break,
                // What is safe may still say anything, and this becomes the length of a slice.
                Ok(count) if count > len - read => return Err(io::ErrorKind::InvalidData.into()),
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        this.len = read;
        Ok(this)
    }

    /// Reads the first `len` bytes of a file, or what there is of them.
    pub(super) fn read_file(file: &File, len: usize) -> io::Result<Self> {
        let has_others = || thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        Self::read_file_on(file, len, len >= 2 * LARGE_BYTES && has_others())
    }

    /// The same, with another thread that helps or alone.
    fn read_file_on(file: &File, len: usize, helped: bool) -> io::Result<Self> {
        let mut this = Self::new(len)?;
        if !helped {
            this.len = read_at(file, this.bytes_mut(), 0)?;
            return Ok(this);
        }
        let end = Mutex::new(Ok(len));
        {
            // Threads take pieces, and find zeros for them in memory, each for itself.
            let pieces = Mutex::new(this.bytes_mut().chunks_mut(LARGE_BYTES).enumerate());
            let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
            let work = || {
                while let Some((position, piece)) = next() {
                    let offset = position * LARGE_BYTES;
                    let read = read_at(file, piece, offset as u64);
                    if read.as_ref().is_ok_and(|&read| read == piece.len()) {
                        continue;
                    }
                    let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
                    let here = read.map(|read| offset + read);
                    *end = match (core::mem::replace(&mut *end, Ok(0)), here) {
                        (Ok(end), Ok(here)) => Ok(end.min(here)),
                        (Err(error), _) | (_, Err(error)) => Err(error),
                    };
                }
            };
            thread::scope(|scope| {
                // Where there is none, this one does it alone.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
                work();
            });
        }
        this.len = end.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        Ok(this)
    }

    /// The address of the first byte.
    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: so much is mapped and readable as long as the value lives.
        unsafe { slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }

    /// For as long as nothing was protected.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: so much is mapped, and nobody else has the mapping.
        unsafe { slice::from_raw_parts_mut(self.base.as_ptr(), self.len) }
    }

    /// Writes a table of addresses at an offset, and protects everything: `code` is run, and all
    /// else is read.
    ///
    /// # Safety
    /// Nobody may have a reference into the table's place. This may be called once.
    pub(super) unsafe fn protect(
        &self,
        code: Range<usize>,
        table_offset: usize,
        table: &[usize],
    ) -> io::Result<()> {
        let base = self.base.as_ptr();
        let is_aligned = |offset: usize| offset.is_multiple_of(page_bytes());
        let table_end = table_offset.checked_add(size_of_val(table));
        if !is_aligned(code.start)
            || !is_aligned(code.end)
            || code.start > code.end
            || code.end > self.mapped
            || code.contains(&table_offset)
            || !table_offset.is_multiple_of(align_of::<usize>())
            || table_end.is_none_or(|end| end > self.mapped)
        {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let protect = |range: Range<usize>, access| {
            if range.is_empty() {
                return Ok(());
            }
            // SAFETY: the range is ours. Who reads may go on to.
            match unsafe { libc::mprotect(base.add(range.start).cast(), range.len(), access) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        // SAFETY: the place is inside the mapping, which is writable yet, and nobody else looks.
        unsafe {
            let at = base.add(table_offset).cast::<usize>();
            ptr::copy_nonoverlapping(table.as_ptr(), at, table.len());
        }
        protect(0..self.mapped, libc::PROT_READ)?;
        protect(code, libc::PROT_READ | libc::PROT_EXEC)
    }
}

/// Reads from a place in a file on, as much as there is.
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < into.len() {
        match file.read_at(&mut into[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and of this length. Functions keep their module alive, and
        // the module this, so that nobody runs the code any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.mapped) };
    }
}

/// The size of the machine's pages.
pub(super) fn page_bytes() -> usize {
    // SAFETY: asks for a number.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(64 << 10)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;

    /// A file that is gone with the value.
    struct TestFile(PathBuf);

    impl TestFile {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("it is written");
            Self(path)
        }

        fn open(&self) -> File {
            File::options().read(true).write(true).open(&self.0).expect("it is there")
        }
    }

    impl Drop for TestFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn files_are_read_as_far_as_they_go() {
        let bytes: Vec<u8> =
            (0..3 * LARGE_BYTES + 5).map(|at| ((at / 3) ^ (at >> 11)) as u8).collect();
        let file = TestFile::new("wamr-aot-read", &bytes);
        for helped in [false, true] {
            let read = |len| Mapping::read_file_on(&file.open(), len, helped).expect("it is read");
            for len in [0, 1, LARGE_BYTES, 2 * LARGE_BYTES + 1, bytes.len()] {
                assert!(read(len).bytes() == &bytes[..len], "{helped}, {len}");
            }
            // It has become shorter since somebody asked for its length, by whole pieces too.
            for missing in [1, LARGE_BYTES, 4 * LARGE_BYTES - 1] {
                assert!(read(bytes.len() + missing).bytes() == &bytes[..], "{helped}, {missing}");
            }
        }
        let writer = file.open();
        for len in [2 * LARGE_BYTES, LARGE_BYTES + 1, 7, 0] {
            writer.set_len(len as u64).expect("it is cut");
            let read = Mapping::read_file_on(&file.open(), bytes.len(), true).expect("it is read");
            assert!(read.bytes() == &bytes[..len], "{len}");
        }
        assert!(
            Mapping::read_file(&file.open(), bytes.len()).is_ok_and(|it| it.bytes().is_empty())
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let folder = File::open(std::env::temp_dir()).expect("it is there");
        for helped in [false, true] {
            assert!(Mapping::read_file_on(&folder, 3 * LARGE_BYTES, helped).is_err(), "{helped}");
        }
        assert!(Mapping::read_file(&folder, usize::MAX >> 1).is_err());
    }
}
