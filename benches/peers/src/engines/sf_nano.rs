//! Silverfir-nano's interpreter. It knows no vectors, and imports are given by position in a list.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use sf_nano_core::{
    Caller, Config, Engine as Runtime, Func, Import, InstanceId, Module, RuntimeWorld, Tier, Value,
    WasmError,
};

use super::{Engine, Instance, Names, Program, Result, text};
use crate::wasi::World;

pub struct SfNano;

fn engine() -> Result<Runtime> {
    Runtime::new(Config::new().tier(Tier::Interp)).map_err(text)
}

impl Engine for SfNano {
    fn name(&self) -> &'static str {
        "sf-nano"
    }

    fn load(&self, modules: &[(&str, &[u8])]) -> Result<Box<dyn Program>> {
        let modules = modules
            .iter()
            .map(|(name, wasm)| ((*name).to_owned(), wasm.to_vec()))
            .collect::<Vec<_>>();
        for (name, wasm) in &modules {
            Module::new(name, wasm).map_err(text)?;
        }
        Ok(Box::new(Loaded { engine: engine()?, modules }))
    }

    fn start(&self, wasm: &[u8], imports: &Names) -> Result<Box<dyn Any>> {
        let module = Module::new("main", wasm).map_err(text)?;
        let imports = missing(imports);
        let mut world = RuntimeWorld::new();
        world.instantiate(&engine()?, module, &imports).map_err(|e| text(e.error()))?;
        Ok(Box::new(world))
    }

    fn repeat(&self, wasm: &[u8]) -> Result<Box<dyn FnMut() -> Result<()>>> {
        let engine = engine()?;
        let imports = imports(&Rc::default());
        let wasm = wasm.to_vec();
        // Modules are not for several instances here.
        Ok(Box::new(move || {
            let module = Module::new("main", &wasm).map_err(text)?;
            let mut world = RuntimeWorld::new();
            world.instantiate(&engine, module, &imports).map(drop).map_err(|e| text(e.error()))
        }))
    }

    fn translate(
        &self,
        wasm: &[u8],
        imports: &Names,
        threads: usize,
    ) -> Option<Result<Box<dyn Any>>> {
        // Instantiation translates everything.
        (threads == 1).then(|| self.start(wasm, imports))
    }
}

struct Loaded {
    engine: Runtime,
    modules: Vec<(String, Vec<u8>)>,
}

impl Program for Loaded {
    fn instantiate(&self, args: &[&str]) -> Result<Box<dyn Instance>> {
        let seen = Rc::new(RefCell::new(World::new(args)));
        let mut imports = imports(&seen);
        let mut world = RuntimeWorld::new();
        let mut latest = None;
        for (name, wasm) in &self.modules {
            let module = Module::new(name, wasm).map_err(text)?;
            let id =
                world.instantiate(&self.engine, module, &imports).map_err(|e| text(e.error()))?;
            let exports = world.instance(id).ok_or("no instance")?.exports().map_err(text)?;
            imports.extend(
                exports.into_iter().map(|(export, value)| Import::new(name, &export, value)),
            );
            latest = Some(id);
        }
        Ok(Box::new(Running { world, id: latest.ok_or("no module")?, seen }))
    }
}

struct Running {
    world: RuntimeWorld,
    id: InstanceId,
    seen: Rc<RefCell<World>>,
}

impl Instance for Running {
    fn start(&mut self) -> Result<()> {
        match self.world.invoke(self.id, "_start", &[]) {
            Err(error) if error.exit_code() != Some(0) => Err(text(error)),
            _ => Ok(()),
        }
    }

    fn run(&mut self, n: i32) -> Result<i32> {
        let results = self.world.invoke(self.id, "run", &[Value::I32(n)]).map_err(text)?;
        match results.first() {
            Some(Value::I32(result)) => Ok(*result),
            _ => Err("another result".into()),
        }
    }

    fn add_often(&mut self, times: u32) -> Result<i32> {
        let instance = self.world.instance_mut(self.id).ok_or("no instance")?;
        let add: Func = instance.get_func("add").ok_or("no function")?;
        let mut results = [Value::I32(0)];
        for _ in 0..times {
            let args = [results[0], Value::I32(1)];
            instance.call(&add, &args, &mut results).map_err(text)?;
        }
        match results[0] {
            Value::I32(sum) => Ok(sum),
            _ => Err("another result".into()),
        }
    }

    fn output(&self) -> Vec<u8> {
        self.seen.borrow().output.clone()
    }
}

fn int(value: Option<&Value>) -> i32 {
    match value {
        Some(Value::I32(int)) => *int,
        _ => 0,
    }
}

fn imports(seen: &Rc<RefCell<World>>) -> Vec<Import> {
    type Call = fn(&mut World, &mut [u8], &[i32]) -> i32;
    let wasi: [(&str, Call); 6] = [
        ("args_get", |w, m, a| w.args_get(m, a[0], a[1])),
        ("args_sizes_get", |w, m, a| w.args_sizes_get(m, a[0], a[1])),
        ("fd_close", |w, _, _| w.fd_close()),
        ("fd_fdstat_get", |w, m, a| w.fd_fdstat_get(m, a[0], a[1])),
        ("fd_seek", |w, _, _| w.fd_seek()),
        ("fd_write", |w, m, a| w.fd_write(m, a[0], a[1], a[2], a[3])),
    ];
    let wasi = wasi.map(|(name, call)| {
        let seen = seen.clone();
        let func = move |caller: &mut Caller<'_>, args: &[Value], results: &mut [Value]| {
            let args: Vec<i32> = args.iter().map(|arg| int(Some(arg))).collect();
            let memory = caller.memory_mut().ok_or(WasmError::trap("no memory"))?;
            results[0] = Value::I32(call(&mut seen.borrow_mut(), memory, &args));
            Ok(())
        };
        Import::func("wasi_snapshot_preview1", name, func)
    });
    let exit = |_: &mut Caller<'_>, args: &[Value], _: &mut [Value]| {
        Err(WasmError::exit_with_code(int(args.first())))
    };
    let add = |_: &mut Caller<'_>, args: &[Value], results: &mut [Value]| {
        results[0] = Value::I32(int(args.first()).wrapping_add(int(args.get(1))));
        Ok(())
    };
    let same = |_: &mut Caller<'_>, args: &[Value], results: &mut [Value]| {
        results[0] = args[0];
        Ok(())
    };
    let host = (0..super::HOST_FUNCS).map(|i| Import::func("host", &format!("f{i}"), same));
    wasi.into_iter()
        .chain([
            Import::func("wasi_snapshot_preview1", "proc_exit", exit),
            Import::func("host", "add", add),
        ])
        .chain(host)
        .collect()
}

/// Functions that fail, for all that a module imports.
fn missing(imports: &[(String, String)]) -> Vec<Import> {
    let fail = |_: &mut Caller<'_>, _: &[Value], _: &mut [Value]| {
        Err(WasmError::trap("a function that nobody supplies"))
    };
    imports.iter().map(|(module, name)| Import::func(module, name, fail)).collect()
}
