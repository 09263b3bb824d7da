//! wasmtime with Cranelift: the measure of compiled code.

use std::any::Any;

use wasmtime::{
    Caller, Config, Engine as Runtime, Extern, Instance as Handle, InstanceAllocationStrategy,
    Linker, Module, PoolingAllocationConfig, Store, TypedFunc,
};

use super::{Engine, Instance, Names, Program, Result, text};
use crate::wasi::{Exited, World};

pub struct Wasmtime {
    pools: bool,
}

impl Wasmtime {
    pub const fn new() -> Self {
        Self { pools: false }
    }

    /// With memories and tables from a pool.
    pub const fn pooling() -> Self {
        Self { pools: true }
    }

    fn engine(&self) -> Result<Runtime> {
        let mut config = Config::new();
        if self.pools {
            let mut pool = PoolingAllocationConfig::new();
            // What is used of a memory or table up to here is cleared, rather than given back.
            pool.total_core_instances(16).linear_memory_keep_resident(64 << 10);
            pool.table_keep_resident(64 << 10);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        Runtime::new(&config).map_err(text)
    }
}

impl Engine for Wasmtime {
    fn name(&self) -> &'static str {
        if self.pools { "wasmtime pooling" } else { "wasmtime" }
    }

    fn load(&self, modules: &[(&str, &[u8])]) -> Result<Box<dyn Program>> {
        let engine = self.engine()?;
        let modules = modules
            .iter()
            .map(|(name, wasm)| Ok(((*name).into(), Module::new(&engine, wasm).map_err(text)?)))
            .collect::<Result<_>>()?;
        Ok(Box::new(Loaded { engine, modules }))
    }

    fn start(&self, wasm: &[u8], _imports: &Names) -> Result<Box<dyn Any>> {
        let engine = self.engine()?;
        let module = Module::new(&engine, wasm).map_err(text)?;
        let mut linker = Linker::<()>::new(&engine);
        linker.define_unknown_imports_as_traps(&module).map_err(text)?;
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module).map_err(text)?;
        Ok(Box::new((store, instance)))
    }

    fn repeat(&self, wasm: &[u8]) -> Result<Box<dyn FnMut() -> Result<()>>> {
        let engine = self.engine()?;
        let module = Module::new(&engine, wasm).map_err(text)?;
        let pre = linker(&engine).and_then(|linker| linker.instantiate_pre(&module));
        let pre = pre.map_err(text)?;
        Ok(Box::new(move || {
            let mut store = Store::new(&engine, World::default());
            pre.instantiate(&mut store).map(drop).map_err(text)
        }))
    }

    fn translate(
        &self,
        wasm: &[u8],
        _imports: &Names,
        threads: usize,
    ) -> Option<Result<Box<dyn Any>>> {
        if threads != 1 {
            return None;
        }
        let module = self.engine().and_then(|engine| Module::new(&engine, wasm).map_err(text));
        Some(module.map(|module| Box::new(module) as _))
    }
}

struct Loaded {
    engine: Runtime,
    modules: Vec<(String, Module)>,
}

impl Program for Loaded {
    fn instantiate(&self, args: &[&str]) -> Result<Box<dyn Instance>> {
        let mut store = Store::new(&self.engine, World::new(args));
        let mut linker = linker(&self.engine).map_err(text)?;
        let (_, main) = self.modules.last().ok_or("no module")?;
        for (name, module) in &self.modules[..self.modules.len() - 1] {
            let instance = linker.instantiate(&mut store, module).map_err(text)?;
            linker.instance(&mut store, name, instance).map_err(text)?;
        }
        let handle = linker.instantiate(&mut store, main).map_err(text)?;
        Ok(Box::new(Running { store, handle }))
    }
}

struct Running {
    store: Store<World>,
    handle: Handle,
}

impl Instance for Running {
    fn start(&mut self) -> Result<()> {
        let start: TypedFunc<(), ()> =
            self.handle.get_typed_func(&mut self.store, "_start").map_err(text)?;
        match start.call(&mut self.store, ()) {
            Err(error) if !matches!(error.downcast_ref(), Some(Exited(0))) => Err(text(error)),
            _ => Ok(()),
        }
    }

    fn run(&mut self, n: i32) -> Result<i32> {
        let run = self.handle.get_typed_func(&mut self.store, "run").map_err(text)?;
        run.call(&mut self.store, n).map_err(text)
    }

    fn add_often(&mut self, times: u32) -> Result<i32> {
        let add: TypedFunc<(i32, i32), i32> =
            self.handle.get_typed_func(&mut self.store, "add").map_err(text)?;
        let mut sum = 0;
        for _ in 0..times {
            sum = add.call(&mut self.store, (sum, 1)).map_err(text)?;
        }
        Ok(sum)
    }

    fn output(&self) -> Vec<u8> {
        self.store.data().output.clone()
    }
}

/// Calls one of WASI's functions with the memory of the instance that called.
fn with(
    mut caller: Caller<'_, World>,
    call: impl FnOnce(&mut World, &mut [u8]) -> i32,
) -> wasmtime::Result<i32> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let memory = memory.ok_or_else(|| wasmtime::Error::msg("no memory"))?;
    let (bytes, world) = memory.data_and_store_mut(&mut caller);
    Ok(call(world, bytes))
}

fn linker(engine: &Runtime) -> wasmtime::Result<Linker<World>> {
    type Call<'a> = Caller<'a, World>;
    const WASI: &str = "wasi_snapshot_preview1";
    let mut linker = Linker::new(engine);
    linker
        .func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b))?
        .func_wrap(WASI, "args_get", |c: Call<'_>, a: i32, b: i32| {
            with(c, |w, m| w.args_get(m, a, b))
        })?
        .func_wrap(WASI, "args_sizes_get", |c: Call<'_>, a: i32, b: i32| {
            with(c, |w, m| w.args_sizes_get(m, a, b))
        })?
        .func_wrap(WASI, "fd_close", |mut c: Call<'_>, _: i32| c.data_mut().fd_close())?
        .func_wrap(WASI, "fd_fdstat_get", |c: Call<'_>, a: i32, b: i32| {
            with(c, |w, m| w.fd_fdstat_get(m, a, b))
        })?
        .func_wrap(WASI, "fd_seek", |mut c: Call<'_>, _: i32, _: i64, _: i32, _: i32| {
            c.data_mut().fd_seek()
        })?
        .func_wrap(WASI, "fd_write", |c: Call<'_>, fd: i32, a: i32, n: i32, to: i32| {
            with(c, |w, m| w.fd_write(m, fd, a, n, to))
        })?
        .func_wrap(WASI, "proc_exit", |code: i32| -> wasmtime::Result<()> {
            Err(Exited(code).into())
        })?;
    for i in 0..super::HOST_FUNCS {
        linker.func_wrap("host", &format!("f{i}"), |x: i32| x)?;
    }
    Ok(linker)
}
