//! The seven functions of WASI that the programs import, the same for every engine: arguments, and
//! output that is kept.

use std::fmt;

/// What a program sees, and what it has written.
#[derive(Clone, Debug, Default)]
pub struct World {
    args: Vec<u8>,
    starts: Vec<u32>,
    /// Standard output and standard error, as they came.
    pub output: Vec<u8>,
}

/// A program that ended itself, with its code.
#[derive(Clone, Copy, Debug)]
pub struct Exited(pub i32);

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended with code {}", self.0)
    }
}

impl std::error::Error for Exited {}

const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
const FAULT: i32 = 21;
const NOT_SEEKABLE: i32 = 70;

fn put(memory: &mut [u8], at: usize, bytes: &[u8]) -> Option<()> {
    memory.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}

fn number(memory: &[u8], at: usize) -> Option<usize> {
    let bytes = memory.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

fn result(done: Option<()>) -> i32 {
    if done.is_some() { SUCCESS } else { FAULT }
}

impl World {
    /// A world with these arguments.
    pub fn new(args: &[&str]) -> Self {
        let mut world = Self::default();
        for arg in args {
            world.starts.push(world.args.len() as u32);
            world.args.extend(arg.bytes().chain([0]));
        }
        world
    }

    pub fn args_sizes_get(&mut self, memory: &mut [u8], count: i32, bytes: i32) -> i32 {
        let (args, len) = (self.starts.len() as u32, self.args.len() as u32);
        result(
            put(memory, count as u32 as usize, &args.to_le_bytes())
                .and_then(|()| put(memory, bytes as u32 as usize, &len.to_le_bytes())),
        )
    }

    pub fn args_get(&mut self, memory: &mut [u8], pointers: i32, bytes: i32) -> i32 {
        let mut at = pointers as u32 as usize;
        for start in &self.starts {
            let pointer = (bytes as u32).wrapping_add(*start);
            if put(memory, at, &pointer.to_le_bytes()).is_none() {
                return FAULT;
            }
            at += 4;
        }
        result(put(memory, bytes as u32 as usize, &self.args))
    }

    pub fn fd_write(
        &mut self,
        memory: &mut [u8],
        fd: i32,
        buffers: i32,
        count: i32,
        written: i32,
    ) -> i32 {
        if !matches!(fd, 1 | 2) {
            return BAD_DESCRIPTOR;
        }
        let mut total = 0;
        for i in 0..count as u32 as usize {
            let entry = (buffers as u32 as usize) + 8 * i;
            let range = number(memory, entry)
                .zip(number(memory, entry + 4))
                .and_then(|(start, len)| memory.get(start..start.checked_add(len)?));
            let Some(bytes) = range else { return FAULT };
            self.output.extend(bytes);
            total += bytes.len() as u32;
        }
        result(put(memory, written as u32 as usize, &total.to_le_bytes()))
    }

    /// Says that descriptors are those of a terminal's kind, so that output comes by lines.
    pub fn fd_fdstat_get(&mut self, memory: &mut [u8], fd: i32, to: i32) -> i32 {
        if !(0..3).contains(&fd) {
            return BAD_DESCRIPTOR;
        }
        let mut stat = [0; 24];
        stat[0] = 2;
        result(put(memory, to as u32 as usize, &stat))
    }

    pub fn fd_seek(&mut self) -> i32 {
        NOT_SEEKABLE
    }

    pub fn fd_close(&mut self) -> i32 {
        SUCCESS
    }
}
