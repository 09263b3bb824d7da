//! A guest without WebAssembly: a world, a memory, and calls with Rust arguments.

use std::path::Path;

use std::sync::Mutex;

use tempfile::TempDir;
use wamr_wasi::preview1::{fd, path};
use wamr_wasi::{DirAccess, Errno, GuestMemory, SharedBytes, WasiCtx, WasiCtxBuilder};

pub(crate) const READ: u64 = 1 << 1;
pub(crate) const WRITE: u64 = 1 << 6;
pub(crate) const CREAT: u32 = 1;
pub(crate) const DIRECTORY: u32 = 2;
pub(crate) const EXCL: u32 = 4;
pub(crate) const TRUNC: u32 = 8;
pub(crate) const APPEND: u32 = 1;
pub(crate) const NONBLOCK: u32 = 4;
pub(crate) const NOFOLLOW: u32 = 0;
pub(crate) const FOLLOW: u32 = 1;

/// The first preopened directory.
pub(crate) const ROOT: u32 = 3;

/// Where results go, and where arguments lie, in the guest's memory.
const RESULT: u32 = 0;
const IOVEC: u32 = 16;
const PATHS: u32 = 1024;
pub(crate) const DATA: u32 = 16384;

pub(crate) type Result<T> = std::result::Result<T, Errno>;

/// Lends memory to a function: as the guest's own, or as shared memory where the tests say so.
pub(crate) fn with_memory<R>(
    memory: &mut [u8],
    function: impl FnOnce(&mut GuestMemory<'_>) -> R,
) -> R {
    if !crate::SHARED {
        return function(&mut GuestMemory::new(memory));
    }
    function(&mut GuestMemory::shared(&Shared(Mutex::new(memory))))
}

struct Shared<'a>(Mutex<&'a mut [u8]>);

impl SharedBytes for Shared<'_> {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> bool {
        let bytes = self.0.lock().unwrap();
        let found = offset.checked_add(to.len()).and_then(|end| bytes.get(offset..end));
        found.map(|from| to.copy_from_slice(from)).is_some()
    }

    fn write(&self, offset: usize, from: &[u8]) -> bool {
        let mut bytes = self.0.lock().unwrap();
        let found = offset.checked_add(from.len()).and_then(|end| bytes.get_mut(offset..end));
        found.map(|to| to.copy_from_slice(from)).is_some()
    }
}

pub(crate) struct Guest {
    pub(crate) ctx: WasiCtx,
    pub(crate) memory: Vec<u8>,
}

impl Guest {
    pub(crate) fn new(builder: &mut WasiCtxBuilder) -> Self {
        Self { ctx: builder.build(), memory: vec![0; 65536] }
    }

    pub(crate) fn with_dir(dir: &Path) -> Self {
        Self::new(WasiCtxBuilder::new().preopen_dir(dir, "/").unwrap())
    }

    pub(crate) fn with_read_only(dir: &Path) -> Self {
        Self::new(WasiCtxBuilder::new().preopen_dir_with(dir, "/", DirAccess::ReadOnly).unwrap())
    }

    /// Calls any function.
    pub(crate) fn call<R>(
        &mut self,
        function: impl FnOnce(&mut WasiCtx, &mut GuestMemory<'_>) -> R,
    ) -> R {
        with_memory(&mut self.memory, |mem| function(&mut self.ctx, mem))
    }

    /// Calls a function that writes a 32-bit result to the address it is given.
    pub(crate) fn call_u32(
        &mut self,
        function: impl FnOnce(&mut WasiCtx, &mut GuestMemory<'_>, u32) -> Result<()>,
    ) -> Result<u32> {
        self.call(|ctx, mem| {
            function(ctx, mem, RESULT)?;
            mem.read_u32(RESULT)
        })
    }

    /// Puts texts into memory; answers the address and length of each.
    pub(crate) fn put<const N: usize>(&mut self, texts: [&str; N]) -> [(u32, u32); N] {
        let mut at = PATHS;
        texts.map(|text| {
            let start = at;
            self.memory[start as usize..start as usize + text.len()]
                .copy_from_slice(text.as_bytes());
            at += text.len() as u32;
            (start, text.len() as u32)
        })
    }

    pub(crate) fn open_with(
        &mut self,
        dir: u32,
        lookup: u32,
        path: &str,
        oflags: u32,
        rights: u64,
        fdflags: u32,
    ) -> Result<u32> {
        let [(ptr, len)] = self.put([path]);
        self.call_u32(|ctx, mem, result| {
            path::path_open(ctx, mem, dir, lookup, ptr, len, oflags, rights, 0, fdflags, result)
        })
    }

    pub(crate) fn open(&mut self, path: &str, oflags: u32, rights: u64) -> Result<u32> {
        self.open_with(ROOT, FOLLOW, path, oflags, rights, 0)
    }

    pub(crate) fn close(&mut self, fd: u32) -> Result<()> {
        self.call(|ctx, mem| fd::fd_close(ctx, mem, fd))
    }

    fn put_iovec(&mut self, len: usize) {
        self.call(|_, mem| mem.write_u32(IOVEC, DATA)).unwrap();
        self.call(|_, mem| mem.write_u32(IOVEC + 4, len as u32)).unwrap();
    }

    pub(crate) fn write(&mut self, fd: u32, bytes: &[u8]) -> Result<u32> {
        self.memory[DATA as usize..][..bytes.len()].copy_from_slice(bytes);
        self.put_iovec(bytes.len());
        self.call_u32(|ctx, mem, result| fd::fd_write(ctx, mem, fd, IOVEC, 1, result))
    }

    pub(crate) fn pwrite(&mut self, fd: u32, bytes: &[u8], offset: u64) -> Result<u32> {
        self.memory[DATA as usize..][..bytes.len()].copy_from_slice(bytes);
        self.put_iovec(bytes.len());
        self.call_u32(|ctx, mem, result| fd::fd_pwrite(ctx, mem, fd, IOVEC, 1, offset, result))
    }

    pub(crate) fn read(&mut self, fd: u32, len: usize) -> Result<Vec<u8>> {
        self.put_iovec(len);
        let count =
            self.call_u32(|ctx, mem, result| fd::fd_read(ctx, mem, fd, IOVEC, 1, result))?;
        Ok(self.memory[DATA as usize..][..count as usize].to_vec())
    }

    pub(crate) fn pread(&mut self, fd: u32, len: usize, offset: u64) -> Result<Vec<u8>> {
        self.put_iovec(len);
        let count =
            self.call_u32(|ctx, mem, result| fd::fd_pread(ctx, mem, fd, IOVEC, 1, offset, result))?;
        Ok(self.memory[DATA as usize..][..count as usize].to_vec())
    }

    pub(crate) fn seek(&mut self, fd: u32, offset: i64, whence: u32) -> Result<u64> {
        self.call(|ctx, mem| {
            fd::fd_seek(ctx, mem, fd, offset, whence, RESULT)?;
            mem.read_u64(RESULT)
        })
    }

    /// Type, size and link count.
    pub(crate) fn stat(&mut self, lookup: u32, path: &str) -> Result<(u8, u64, u64)> {
        let [(ptr, len)] = self.put([path]);
        self.call(|ctx, mem| {
            path::path_filestat_get(ctx, mem, ROOT, lookup, ptr, len, DATA)?;
            Ok((mem.read_u8(DATA + 16)?, mem.read_u64(DATA + 32)?, mem.read_u64(DATA + 24)?))
        })
    }

    /// Calls a function of a directory and a path.
    pub(crate) fn at(
        &mut self,
        function: fn(&mut WasiCtx, &mut GuestMemory<'_>, u32, u32, u32) -> Result<()>,
        path: &str,
    ) -> Result<()> {
        let [(ptr, len)] = self.put([path]);
        self.call(|ctx, mem| function(ctx, mem, ROOT, ptr, len))
    }

    pub(crate) fn set_times(&mut self, lookup: u32, path: &str, ns: u64) -> Result<()> {
        let [(ptr, len)] = self.put([path]);
        self.call(|ctx, mem| {
            path::path_filestat_set_times(ctx, mem, ROOT, lookup, ptr, len, ns, ns, 5)
        })
    }

    pub(crate) fn link(&mut self, from: (u32, &str), lookup: u32, to: (u32, &str)) -> Result<()> {
        let [(old, old_len), (new, new_len)] = self.put([from.1, to.1]);
        self.call(|ctx, mem| {
            path::path_link(ctx, mem, from.0, lookup, old, old_len, to.0, new, new_len)
        })
    }

    pub(crate) fn rename(&mut self, from: (u32, &str), to: (u32, &str)) -> Result<()> {
        let [(old, old_len), (new, new_len)] = self.put([from.1, to.1]);
        self.call(|ctx, mem| path::path_rename(ctx, mem, from.0, old, old_len, to.0, new, new_len))
    }

    pub(crate) fn symlink(&mut self, target: &str, path: &str) -> Result<()> {
        let [(old, old_len), (new, new_len)] = self.put([target, path]);
        self.call(|ctx, mem| path::path_symlink(ctx, mem, old, old_len, ROOT, new, new_len))
    }

    pub(crate) fn readlink(&mut self, path: &str, buf_len: u32) -> Result<String> {
        let [(ptr, len)] = self.put([path]);
        let count = self.call_u32(|ctx, mem, result| {
            path::path_readlink(ctx, mem, ROOT, ptr, len, DATA, buf_len, result)
        })?;
        Ok(String::from_utf8(self.memory[DATA as usize..][..count as usize].to_vec()).unwrap())
    }

    /// One call of `fd_readdir`: the bytes that it left.
    pub(crate) fn readdir(&mut self, fd: u32, buf_len: u32, cookie: u64) -> Result<Vec<u8>> {
        let count = self.call_u32(|ctx, mem, result| {
            fd::fd_readdir(ctx, mem, fd, DATA, buf_len, cookie, result)
        })?;
        Ok(self.memory[DATA as usize..][..count as usize].to_vec())
    }
}

/// A directory of the host with a file `secret` beside the directory `inside` that guests get.
pub(crate) struct World {
    pub(crate) temp: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("inside")).unwrap();
        std::fs::write(temp.path().join("secret"), "secret").unwrap();
        Self { temp }
    }

    pub(crate) fn inside(&self) -> std::path::PathBuf {
        self.temp.path().join("inside")
    }

    /// Fails if a guest got at what lies outside.
    pub(crate) fn check_untouched(&self) {
        assert_eq!(std::fs::read_to_string(self.temp.path().join("secret")).unwrap(), "secret");
        let names: Vec<_> =
            std::fs::read_dir(self.temp.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "something was created outside: {names:?}");
    }
}
