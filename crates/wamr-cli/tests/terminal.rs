//! What `iwasm` tells somebody who watches on a terminal.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::process::{Command, Stdio};

/// A new terminal: the side of who watches, and the side of programs.
fn terminal() -> (File, File) {
    let (mut watcher, mut program) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: the pointers are to numbers that it writes, and null for what is not wanted.
    let outcome =
        unsafe { libc::openpty(&mut watcher, &mut program, null, null.cast(), null.cast()) };
    assert_eq!(outcome, 0, "there are terminals");
    // SAFETY: both were just opened, and nobody else knows them.
    unsafe { (File::from_raw_fd(watcher), File::from_raw_fd(program)) }
}

#[test]
fn what_takes_long_is_told_on_a_terminal_and_nowhere_else() {
    let (mut watcher, program) = terminal();
    let mut child = Command::new(env!("CARGO_BIN_EXE_iwasm"))
        .args(["-f", "seven", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(program)
        .spawn()
        .expect("iwasm starts");
    // The module is not there yet, so that loading takes as long as this waits.
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("iwasm: loading and compiling -: 1 s") {
        let mut bytes = [0; 256];
        let count = watcher.read(&mut bytes).expect("the terminal is open");
        seen.extend_from_slice(&bytes[..count]);
    }
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(br#"(module (func (export "seven") (result i32) i32.const 7))"#).unwrap();
    drop(input);
    let output = child.wait_with_output().expect("iwasm ends");
    assert_eq!(output.stdout, b"0x7:i32\n");
    // The line is taken away; the terminal is closed by whoever ends last.
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = watcher.read(&mut bytes) {
        seen.extend_from_slice(&bytes[..count]);
    }
    assert!(seen.ends_with(b"\r\x1b[K"), "{:?}", String::from_utf8_lossy(&seen));
}
