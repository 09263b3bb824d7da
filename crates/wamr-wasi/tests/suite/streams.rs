//! Standard streams.

use std::io::{Read, Write};

use crate::support::*;
use wamr_wasi::preview1::fd;
use wamr_wasi::{Errno, MemoryOutput, WasiCtxBuilder};

#[test]
fn captured() {
    let (out, err) = (MemoryOutput::new(), MemoryOutput::new());
    let mut guest = Guest::new(
        WasiCtxBuilder::new().stdin(&b"input"[..]).stdout(out.clone()).stderr(err.clone()),
    );
    assert_eq!(guest.read(0, 3).unwrap(), b"inp");
    assert_eq!(guest.read(0, 100).unwrap(), b"ut");
    assert_eq!(guest.read(0, 100).unwrap(), b"");
    assert_eq!(guest.write(1, b"out"), Ok(3));
    assert_eq!(guest.write(2, b"err"), Ok(3));
    assert_eq!(out.contents(), b"out");
    assert_eq!(err.contents(), b"err");
}

#[test]
fn directions_and_kinds() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    assert_eq!(guest.read(0, 1).unwrap(), b"");
    assert_eq!(guest.write(1, b"x"), Ok(1));
    assert_eq!(guest.write(0, b"x"), Err(Errno::Badf));
    assert_eq!(guest.read(1, 1), Err(Errno::Badf));
    assert_eq!(guest.read(2, 1), Err(Errno::Badf));
    for fd in 0..3 {
        assert_eq!(guest.seek(fd, 0, 1), Err(Errno::Spipe));
        assert_eq!(guest.call(|ctx, mem| fd::fd_tell(ctx, mem, fd, 0)), Err(Errno::Spipe));
        assert_eq!(guest.call(|ctx, mem| fd::fd_sync(ctx, mem, fd)), Err(Errno::Badf));
        assert_eq!(guest.call(|ctx, mem| fd::fd_filestat_get(ctx, mem, fd, 0)), Ok(()));
    }
    assert_eq!(guest.pread(0, 1, 0), Err(Errno::Spipe));
    assert_eq!(guest.pwrite(1, b"x", 0), Err(Errno::Spipe));
    assert_eq!(guest.pread(1, 1, 0), Err(Errno::Badf));
    assert_eq!(guest.pwrite(0, b"x", 0), Err(Errno::Badf));
    for (fd, rights) in [(0, READ), (1, WRITE), (2, WRITE)] {
        guest.call(|ctx, mem| fd::fd_fdstat_get(ctx, mem, fd, DATA)).unwrap();
        assert_eq!(guest.memory[DATA as usize], 0, "not a terminal");
        assert_eq!(guest.call(|_, mem| mem.read_u64(DATA + 8)), Ok(rights));
    }
    guest.close(1).unwrap();
    assert_eq!(guest.write(1, b"x"), Err(Errno::Badf));
}

#[test]
fn full_output() {
    let out = MemoryOutput::with_limit(5);
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(out.clone()));
    assert_eq!(guest.write(1, b"abc"), Ok(3));
    assert_eq!(guest.write(1, b"def"), Ok(2), "what was written counts");
    assert_eq!(guest.write(1, b"g"), Err(Errno::Nospc));
    assert_eq!(out.contents(), b"abcde");
}

/// Readers and writers of the embedder that break their contract.
#[test]
fn lying_streams() {
    struct Liar;
    impl std::io::Read for Liar {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Ok(usize::MAX)
        }
    }
    impl std::io::Write for Liar {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Ok(usize::MAX)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(Liar).stdout(Liar));
    assert_eq!(guest.read(0, 5).unwrap().len(), 5);
    assert_eq!(guest.write(1, b"abc"), Ok(3));
}

#[test]
fn pipes() {
    let mut builder = WasiCtxBuilder::new();
    let mut input = builder.stdin_pipe().unwrap();
    let mut output = builder.stdout_pipe().unwrap();
    let mut errors = builder.stderr_pipe().unwrap();
    let mut guest = Guest::new(&mut builder);
    input.write_all(b"question").unwrap();
    assert_eq!(guest.read(0, 100).unwrap(), b"question");
    assert_eq!(guest.write(1, b"answer"), Ok(6));
    assert_eq!(guest.write(2, b"error"), Ok(5));
    drop(input);
    assert_eq!(guest.read(0, 100).unwrap(), b"", "the writer is gone");
    assert_eq!(guest.write(0, b"x"), Err(Errno::Badf));
    assert_eq!(guest.read(1, 1), Err(Errno::Badf));
    drop(guest);
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    errors.read_to_string(&mut text).unwrap();
    assert_eq!(text, "answererror");
}

#[cfg(unix)]
#[test]
fn waiting_for_a_pipe_is_interrupted() {
    let mut builder = WasiCtxBuilder::new();
    let _input = builder.stdin_pipe().unwrap();
    let _output = builder.stdout_pipe().unwrap();
    let looks = std::sync::atomic::AtomicU32::new(0);
    builder.interrupt(move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 40);
    let mut guest = Guest::new(&mut builder);
    let error = loop {
        if let Err(error) = guest.write(1, &[0; 32768]) {
            break error;
        }
    };
    assert_eq!(error, Errno::Intr);
    assert_eq!(guest.read(0, 1), Err(Errno::Intr));
}

#[test]
fn open_files_are_streams() {
    let name = std::env::temp_dir().join(format!("wamr-streams-{}", std::process::id()));
    std::fs::write(&name, b"question").unwrap();
    let (input, output) = (std::fs::File::open(&name).unwrap(), name.with_extension("out"));
    let file = std::fs::File::create(&output).unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.stdin_file(input).stderr_file(file.try_clone().unwrap()).stdout_file(file);
    let mut guest = Guest::new(&mut builder);
    assert_eq!(guest.read(0, 100).unwrap(), b"question");
    assert_eq!(guest.read(0, 100).unwrap(), b"");
    assert_eq!((guest.write(1, b"answer"), guest.write(2, b"error")), (Ok(6), Ok(5)));
    assert_eq!((guest.write(0, b"x"), guest.read(1, 1)), (Err(Errno::Badf), Err(Errno::Badf)));
    assert_eq!(std::fs::read(&output).unwrap(), b"answererror");
    std::fs::remove_file(name).unwrap();
    std::fs::remove_file(output).unwrap();
}

#[cfg(unix)]
#[test]
fn waiting_for_an_open_file_is_interrupted() {
    let (reader, writer) = std::io::pipe().unwrap();
    let (reader, writer) = (reader.try_clone().unwrap(), writer.try_clone().unwrap());
    let mut builder = WasiCtxBuilder::new();
    builder.stdin_file(std::os::fd::OwnedFd::from(reader).into());
    builder.stdout_file(std::os::fd::OwnedFd::from(writer).into());
    let looks = std::sync::atomic::AtomicU32::new(0);
    builder.interrupt(move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 3);
    let mut guest = Guest::new(&mut builder);
    assert_eq!(guest.read(0, 1), Err(Errno::Intr));
}

#[test]
fn escapes_are_filtered_on_request() {
    for filter in [false, true] {
        let output = MemoryOutput::new();
        let mut builder = WasiCtxBuilder::new();
        builder.stdout(output.clone()).stderr(output.clone()).filter_terminal_escapes(filter);
        let mut guest = Guest::new(&mut builder);
        assert_eq!(guest.write(1, b"a\x1b[2Jb\n"), Ok(7));
        assert_eq!(guest.write(2, b"\x1b]0;title\x07"), Ok(10));
        let expected = match filter {
            false => "a\x1b[2Jb\n\x1b]0;title\x07",
            true => "a\u{241b}[2Jb\n\u{241b}]0;title\u{2407}",
        };
        assert_eq!(output.contents(), expected.as_bytes());
    }
}
