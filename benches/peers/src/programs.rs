//! What is run: programs of a folder that the user names, and the kernels beside this crate.

use std::fs;
use std::path::Path;

use crate::engines::Result;

/// A program and how long it runs.
pub struct Program {
    pub name: String,
    pub wasm: Vec<u8>,
    pub work: Work,
}

/// What is called.
#[derive(Clone)]
pub enum Work {
    /// `_start`, with an argument behind the name.
    Start(String),
    /// `run`, with a number.
    Run(i32),
}

/// Programs of the folder, with arguments that keep an interpreter busy for about a second, and
/// with those that do for a quick look.
const FOLDER: [(&str, u32, u32); 10] = [
    ("fib", 35, 30),
    ("matmul", 18, 3),
    ("nbody", 1_800_000, 200_000),
    ("sieve", 18, 3),
    ("sha256", 360, 50),
    ("qsort", 2, 1),
    ("strhash", 12, 3),
    ("gemm", 22, 4),
    ("jacobi2d", 520, 80),
    ("simd", 2200, 350),
];

macro_rules! kernels {
    ($($name:ident $n:literal $quick:literal;)*) => {
        [$((
            stringify!($name),
            include_bytes!(concat!("../../kernels/", stringify!($name), ".wasm")) as &[u8],
            $n,
            $quick,
        )),*]
    };
}

/// The kernels, with numbers of the same kind.
const KERNELS: [(&str, &[u8], i32, i32); 13] = kernels! {
    core 250 30;
    mandelbrot 320 100;
    fannkuch 9 8;
    spectral 250 80;
    queens 10 8;
    hashmap 25 3;
    lz 60 8;
    life 60 8;
    raytrace 320 100;
    bignum 2200 800;
    machine 2500 300;
    tree 8 1;
    virtual 12000000 1500000;
};

/// The programs of the folder; those that are not there are left out with a word about it.
pub fn of_folder(folder: &Path, quick: bool) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for (name, full, few) in FOLDER {
        let path = folder.join(name).with_extension("wasm");
        match fs::read(&path) {
            Ok(wasm) => {
                let work = Work::Start(if quick { few } else { full }.to_string());
                programs.push(Program { name: name.into(), wasm, work });
            }
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    }
    Ok(programs)
}

/// The kernels.
pub fn kernels(quick: bool) -> Vec<Program> {
    let kernel = |&(name, wasm, full, few): &(&str, &[u8], i32, i32)| {
        let work = Work::Run(if quick { few } else { full });
        Program { name: name.into(), wasm: wasm.into(), work }
    };
    KERNELS.iter().map(kernel).collect()
}
