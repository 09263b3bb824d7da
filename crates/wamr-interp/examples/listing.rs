//! Prints the register code of a module's functions, or of one, for instances whose memory 0 is
//! guarded: positions, names of operations, and operands as numbers.
//!
//! ```sh
//! cargo run -p wamr-interp --example listing -- examples/programs/wordfreq.wasm 12
//! ```

use std::error::Error;
use std::sync::Arc;
use std::{env, fs};

use wamr_interp::Interpreter;
use wamr_loader::WasmLoader;
use wamr_runtime::{Backend, Engine, MemoryKind, Tunables};
use wamr_types::{FuncIdx, LoadOptions, Loader, ModuleBytes, Validation};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let path = args.next().ok_or("usage: listing MODULE [FUNCTION]")?;
    let only: Option<u32> = args.next().map(|index| index.parse()).transpose()?;

    let engine = Engine::new(Tunables::default());
    let features = Interpreter.supported();
    let options = LoadOptions { features, supported: features, validation: Validation::Eager };
    let bytes = ModuleBytes::new(fs::read(path)?);
    let module = Arc::new(WasmLoader.load(bytes, engine.types(), &options)?);

    let funcs = (0..module.funcs.len() as u32).filter(|&index| only.is_none_or(|f| f == index));
    for index in funcs {
        if let Some(func) = module.defined_func(FuncIdx(index)) {
            let code = Interpreter::listing(&engine, &module, func, MemoryKind::Guarded)?;
            println!("function {index}: {code}");
        }
    }
    Ok(())
}
