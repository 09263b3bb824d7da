//! Systems without Unix descriptors: nothing can be polled (all counts as ready), and append mode
//! is fixed when a file is opened.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::time::Duration;

use cap_std::fs::{DirEntry, FileType as HostFileType, Metadata};

use super::{Advice, Interest, Readiness};
use crate::errno::Errno;
use crate::types::FileType;

/// What can be polled: nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle<'a>(Infallible, PhantomData<&'a ()>);

pub(crate) fn handle_of<T>(_source: &T) -> Option<Handle<'_>> {
    None
}

pub(crate) fn duplicate(handle: Handle<'_>) -> Option<()> {
    match handle.0 {}
}

pub(crate) fn stdin_handle() -> Option<Handle<'static>> {
    None
}

pub(crate) fn stdout_handle() -> Option<Handle<'static>> {
    None
}

pub(crate) fn stderr_handle() -> Option<Handle<'static>> {
    None
}

pub(crate) fn read_stdin(buf: &mut [u8]) -> io::Result<usize> {
    io::stdin().lock().read(buf)
}

pub(crate) fn write_stdout(buf: &[u8]) -> io::Result<usize> {
    let mut lock = io::stdout().lock();
    let count = lock.write(buf)?;
    lock.flush()?;
    Ok(count)
}

pub(crate) fn write_stderr(buf: &[u8]) -> io::Result<usize> {
    io::stderr().lock().write(buf)
}

pub(crate) fn poll(interests: &[Interest<'_>], timeout: Duration) -> io::Result<Vec<Readiness>> {
    if interests.is_empty() {
        std::thread::sleep(timeout);
    }
    Ok(vec![Readiness { ready: true, hangup: false }; interests.len()])
}

pub(crate) fn available_bytes(handle: Handle<'_>) -> u64 {
    match handle.0 {}
}

/// Runs `body` with the cursor at `offset` and puts the cursor back.
fn with_cursor<R>(
    mut file: &File,
    offset: u64,
    body: impl FnOnce(&File) -> io::Result<R>,
) -> io::Result<R> {
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let result = body(file);
    file.seek(SeekFrom::Start(before))?;
    result
}

pub(crate) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    with_cursor(file, offset, |mut file| file.read(buf))
}

pub(crate) fn write_at(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    with_cursor(file, offset, |mut file| file.write(buf))
}

pub(crate) fn set_append(_file: &File, _append: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn advise(_file: &File, _offset: u64, _len: u64, _advice: Advice) -> io::Result<()> {
    Ok(())
}

pub(crate) fn free_bytes(_file: &File) -> io::Result<u64> {
    Ok(u64::MAX)
}

pub(crate) fn allocate(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn entry_ino(entry: &DirEntry) -> io::Result<u64> {
    use cap_fs_ext::{DirEntryExt, MetadataExt};
    Ok(entry.full_metadata()?.ino())
}

pub(crate) fn status_change_ns(metadata: &Metadata) -> u64 {
    metadata.created().map_or(0, |time| crate::file::ns_since_epoch(time.into_std()))
}

pub(crate) fn special_file_type(_host: HostFileType) -> FileType {
    FileType::Unknown
}

pub(crate) fn errno_from_os(_error: &io::Error) -> Option<Errno> {
    None
}
