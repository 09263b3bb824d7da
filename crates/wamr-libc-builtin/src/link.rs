//! The functions as imports. What they do stands in the other files; here is what needs a store.

use core::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use wamr_linker::{Candidate, ForThreads, LinkError, Linker, Source};
use wamr_runtime::{
    AsContextMut, Caller, Engine, Error, Extern, Global, ImportType, StoreContextMut, TypedFunc,
    Val,
};
use wamr_types::fuel::bulk_fuel;
use wamr_types::{ExternType, GlobalType, TrapCode, ValType};

use crate::ctx::Owner;
use crate::mem::Mem;
use crate::printf::{self, GuestSink, WriteSink};
use crate::{Abort, Exit, HeapMisuse, LibcCtx, ctype};

/// The functions under `env`, and the globals `NaN` and `Infinity` under `global`: a source for
/// lists of imports. A name that it does not know is looked for again without a leading `_`.
pub struct LibcBuiltin<T: 'static> {
    linker: Linker<T>,
    /// Functions that compilers also import with another type.
    others: Linker<T>,
}

impl<T: 'static> fmt::Debug for LibcBuiltin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibcBuiltin").finish_non_exhaustive()
    }
}

const GLOBALS: [(&str, f64); 2] = [("NaN", f64::NAN), ("Infinity", f64::INFINITY)];

impl<T: 'static> LibcBuiltin<T> {
    /// Makes the functions. `get` finds the guest's world in the data of the store; it runs at
    /// each call.
    ///
    /// # Errors
    /// If the engine holds no more types.
    pub fn new(
        engine: &Engine,
        get: impl Fn(&mut T) -> &mut LibcCtx + Send + Sync + Copy + 'static,
    ) -> Result<Self, LinkError> {
        let mut linker = Linker::new(engine);
        over_memory(&mut linker)?;
        characters(&mut linker)?;
        output(&mut linker, get)?;
        allocation(&mut linker, get)?;
        time(&mut linker, get)?;
        process(&mut linker)?;
        let mut others = Linker::new(engine);
        others.func_wrap("env", "abort", || Err::<(), _>(Error::new(Abort::Abort(0))))?;
        Ok(Self { linker, others })
    }
}

impl<T: 'static> Source<T> for LibcBuiltin<T> {
    fn contains(&self, module: &str, name: &str) -> bool {
        let has = |name: &str| self.linker.contains(module, name);
        let is_global = module == "global" && GLOBALS.iter().any(|(global, _)| *global == name);
        is_global || has(name) || name.strip_prefix('_').is_some_and(has)
    }

    fn find(
        &self,
        mut store: StoreContextMut<'_, T>,
        import: &ImportType<'_>,
    ) -> Result<Option<Candidate>, Error> {
        let (module, name) = (import.module(), import.name());
        if module == "global"
            && let Some((_, value)) = GLOBALS.iter().find(|(global, _)| *global == name)
        {
            let ty = GlobalType { content: ValType::F64, mutable: false };
            let global = Global::new(store, ty, Val::from(*value))?;
            return Ok(Some(Candidate::Value(global.into())));
        }
        let names = [Some(name), name.strip_prefix('_')];
        for name in names.into_iter().flatten() {
            for linker in [&self.linker, &self.others] {
                let Some(found) = linker.get(store.as_context_mut(), module, name)? else {
                    continue;
                };
                let last =
                    !self.others.contains(module, name) || std::ptr::eq(linker, &self.others);
                if last || fits(&found, store.as_context_mut(), import.ty())? {
                    return Ok(Some(Candidate::Value(found)));
                }
            }
        }
        Ok(None)
    }

    fn find_for_threads(
        &self,
        engine: &Engine,
        import: &ImportType<'_>,
    ) -> Result<Option<ForThreads<T>>, Error> {
        let (module, name) = (import.module(), import.name());
        let names = [Some(name), name.strip_prefix('_')];
        let mut found = None;
        for name in names.into_iter().flatten() {
            for linker in [&self.linker, &self.others] {
                let Some(other) = linker.get_for_threads(module, name)? else { continue };
                if other.ty().matches(import.ty(), engine.types()) {
                    return Ok(Some(other));
                }
                found = found.or(Some(other));
            }
        }
        if found.is_none() && module == "global" && self.contains(module, name) {
            return Err(Error::msg(format_args!(
                "`{module}` `{name}` belongs to a store, which threads do not share"
            )));
        }
        Ok(found)
    }

    fn names(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.linker.names().for_each(|(module, name)| visit(module, name));
        GLOBALS.iter().for_each(|(name, _)| visit("global", name));
    }
}

fn fits<T: 'static>(
    found: &Extern,
    store: StoreContextMut<'_, T>,
    wanted: &ExternType,
) -> Result<bool, Error> {
    Ok(found.ty(&store)?.matches(wanted, store.engine().types()))
}

/// Takes fuel for as many bytes as a bulk operation would, if fuel is counted.
fn charge<T: 'static>(caller: &mut Caller<'_, T>, bytes: u64) -> Result<(), Error> {
    let units = bulk_fuel(bytes);
    if units == 0 || !caller.engine().tunables().consume_fuel {
        return Ok(());
    }
    caller.as_context_mut().charge_fuel(units)
}

/// Runs a function over the caller's memory, and the embedder's data. What it costs is known when
/// it is done.
fn over_all<T: 'static, R>(
    caller: &mut Caller<'_, T>,
    function: impl FnOnce(&mut Mem<'_>, &mut T) -> Result<R, TrapCode>,
) -> Result<R, Error> {
    let memory = caller.default_memory().ok_or_else(no_memory)?;
    let shared = memory.shared(&*caller)?;
    let (outcome, work) = match &shared {
        None => {
            let regions = memory.regions(&*caller)?;
            let (bytes, data) = memory.data_and_store_mut(caller)?;
            let mut mem = Mem::own(bytes).with_regions(&regions);
            (function(&mut mem, data), mem.work())
        }
        Some(memory) => {
            let mut mem = Mem::shared(memory.data());
            (function(&mut mem, caller.data_mut()), mem.work())
        }
    };
    charge(caller, work)?;
    Ok(outcome?)
}

/// Runs a function over the caller's memory.
fn over<T: 'static, R>(
    caller: &mut Caller<'_, T>,
    function: impl FnOnce(&mut Mem<'_>) -> Result<R, TrapCode>,
) -> Result<R, Error> {
    over_all(caller, |mem, _| function(mem))
}

/// Runs a function over a length of the caller's memory that is known before.
fn over_len<T: 'static, R>(
    caller: &mut Caller<'_, T>,
    len: u32,
    function: impl FnOnce(&mut Mem<'_>) -> Result<R, TrapCode>,
) -> Result<R, Error> {
    charge(caller, len.into())?;
    over(caller, |mem| mem.paid(function))
}

/// Runs a function over the caller's memory and the guest's world.
fn over_both<T: 'static, R>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut LibcCtx,
    function: impl FnOnce(&mut Mem<'_>, &mut LibcCtx) -> Result<R, TrapCode>,
) -> Result<R, Error> {
    over_all(caller, |mem, data| function(mem, get(data)))
}

fn no_memory() -> Error {
    Error::msg("a function of the built-in C library was called without a memory")
}

/// Functions over nothing but memory.
fn over_memory<T: 'static>(linker: &mut Linker<T>) -> Result<(), LinkError> {
    macro_rules! define {
        ($($import:ident => $name:ident($($param:ident: $type:ty),*) -> $result:ty;)*) => {$(
            linker.func_wrap(
                "env",
                stringify!($import),
                |mut caller: Caller<'_, T>, $($param: $type),*| -> Result<$result, Error> {
                    over(&mut caller, |mem| mem.$name($($param),*))
                },
            )?;
        )*};
    }
    macro_rules! define_sized {
        ($($import:ident => $name:ident($a:ident: u32, $b:ident: $type:ty) -> $result:ty;)*) => {$(
            linker.func_wrap(
                "env",
                stringify!($import),
                |mut caller: Caller<'_, T>, $a: u32, $b: $type, len: u32| -> Result<$result, Error> {
                    over_len(&mut caller, len, |mem| mem.$name($a, $b, len))
                },
            )?;
        )*};
    }
    define_sized! {
        memcmp => memcmp(a: u32, b: u32) -> i32;
        memcpy => memmove(to: u32, from: u32) -> u32;
        emscripten_memcpy_big => memmove(to: u32, from: u32) -> u32;
        memmove => memmove(to: u32, from: u32) -> u32;
        memset => memset(at: u32, value: i32) -> u32;
    }
    define! {
        memchr => memchr(at: u32, value: i32, len: u32) -> u32;
        strlen => strlen(at: u32) -> u32;
        strchr => strchr(at: u32, c: i32) -> u32;
        strcmp => strcmp(a: u32, b: u32) -> i32;
        strncmp => strncmp(a: u32, b: u32, max: u32) -> i32;
        strncasecmp => strncasecmp(a: u32, b: u32, max: u32) -> i32;
        strcpy => strcpy(to: u32, from: u32) -> u32;
        strncpy => strncpy(to: u32, from: u32, max: u32) -> u32;
        strspn => strspn(at: u32, set: u32) -> u32;
        strcspn => strcspn(at: u32, set: u32) -> u32;
        strstr => strstr(at: u32, needle: u32) -> u32;
        atoi => atoi(at: u32) -> i32;
        strtol => strtol(at: u32, end: u32, base: i32) -> i32;
        strtoul => strtoul(at: u32, end: u32, base: i32) -> u32;
    }
    Ok(())
}

/// Functions over characters.
fn characters<T: 'static>(linker: &mut Linker<T>) -> Result<(), LinkError> {
    macro_rules! define {
        ($($name:ident)*) => {$(
            linker.func_wrap("env", stringify!($name), ctype::$name)?;
        )*};
    }
    define! {
        isupper isalpha isspace isgraph isprint isdigit isxdigit isalnum tolower toupper
    }
    Ok(())
}

/// Functions that print, to the guest's output or to memory.
fn output<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut LibcCtx + Send + Sync + Copy + 'static,
) -> Result<(), LinkError> {
    for name in ["printf", "vprintf"] {
        linker.func_wrap(
            "env",
            name,
            move |mut caller: Caller<'_, T>, format: u32, args: u32| {
                over_both(&mut caller, get, |mem, ctx| {
                    printf::format(mem, format, args, &mut WriteSink(&mut *ctx.lock_output()))
                })
            },
        )?;
    }
    let to_guest = |mem: &mut Mem<'_>, mut sink: GuestSink, format: u32, args: u32| {
        let written = printf::format(mem, format, args, &mut sink)?;
        sink.finish(mem)?;
        Ok(written)
    };
    for name in ["sprintf", "vsprintf"] {
        linker.func_wrap(
            "env",
            name,
            move |mut caller: Caller<'_, T>, to: u32, format: u32, args: u32| {
                over(&mut caller, |mem| to_guest(mem, GuestSink::unlimited(to), format, args))
            },
        )?;
    }
    for name in ["snprintf", "vsnprintf"] {
        linker.func_wrap(
            "env",
            name,
            move |mut caller: Caller<'_, T>, to: u32, size: u32, format: u32, args: u32| {
                over(&mut caller, |mem| to_guest(mem, GuestSink::sized(to, size), format, args))
            },
        )?;
    }
    // C asks for a number that is not negative where all is well.
    let printed = |outcome: std::io::Result<()>, answer: i32| outcome.map_or(-1, |()| answer);
    linker.func_wrap("env", "puts", move |mut caller: Caller<'_, T>, at: u32| {
        over_both(&mut caller, get, |mem, ctx| {
            let (len, mut output) = (mem.strlen(at)?, ctx.lock_output());
            match printf::print(mem, at, len, &mut *output)? {
                true => Ok(printed(output.write_all(b"\n"), 1)),
                false => Ok(-1),
            }
        })
    })?;
    linker.func_wrap("env", "putchar", move |mut caller: Caller<'_, T>, c: i32| {
        let c = c as u8;
        printed(get(caller.data_mut()).lock_output().write_all(&[c]), c.into())
    })?;
    Ok(())
}

/// `malloc` and its like: the module's own exported allocator, or the heap that is managed for its
/// memory.
fn allocation<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut LibcCtx + Send + Sync + Copy + 'static,
) -> Result<(), LinkError> {
    for name in ["malloc", "__cxa_allocate_exception"] {
        linker.func_wrap("env", name, move |mut caller: Caller<'_, T>, size: u32| {
            malloc(&mut caller, get, size)
        })?;
    }
    linker.func_wrap(
        "env",
        "calloc",
        move |mut caller: Caller<'_, T>, count: u32, size: u32| {
            let Some(bytes) = count.checked_mul(size) else { return Ok(0) };
            let pointer = malloc(&mut caller, get, bytes)?;
            if pointer != 0 {
                over_len(&mut caller, bytes, |mem| mem.memset(pointer, 0, bytes))?;
            }
            Ok(pointer)
        },
    )?;
    linker.func_wrap("env", "free", move |mut caller: Caller<'_, T>, pointer: u32| {
        free(&mut caller, get, pointer)
    })?;
    linker.func_wrap(
        "env",
        "realloc",
        move |mut caller: Caller<'_, T>, pointer: u32, size: u32| {
            realloc(&mut caller, get, pointer, size)
        },
    )?;
    for name in ["strdup", "_strdup", "__strdup"] {
        linker.func_wrap("env", name, move |mut caller: Caller<'_, T>, at: u32| {
            let len = over(&mut caller, |mem| mem.strlen(at))?;
            let Some(bytes) = len.checked_add(1) else { return Ok(0) };
            let pointer = malloc(&mut caller, get, bytes)?;
            if pointer != 0 {
                over_len(&mut caller, bytes, |mem| mem.memmove(pointer, at, bytes))?;
            }
            Ok(pointer)
        })?;
    }
    Ok(())
}

/// A function that the caller exports, if it has that type.
fn exported<T: 'static, P: wamr_runtime::WasmParams, R: wamr_runtime::WasmResults>(
    caller: &mut Caller<'_, T>,
    name: &str,
) -> Option<TypedFunc<P, R>> {
    caller.get_export(name)?.into_func()?.typed(&*caller).ok()
}

fn malloc<T: 'static>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut LibcCtx,
    size: u32,
) -> Result<u32, Error> {
    if let Some(own) = exported::<T, u32, u32>(caller, "malloc") {
        return own.call(caller, size);
    }
    let memory = caller.default_memory().ok_or_else(no_memory)?;
    LibcCtx::heap_alloc(caller.as_context_mut(), get, &memory, size)
}

fn free<T: 'static>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut LibcCtx,
    pointer: u32,
) -> Result<(), Error> {
    if let Some(own) = exported::<T, u32, ()>(caller, "free") {
        return own.call(caller, pointer);
    }
    if pointer == 0 {
        return Ok(());
    }
    let memory = caller.default_memory().ok_or_else(no_memory)?;
    LibcCtx::heap_free(caller.as_context_mut(), get, &memory, pointer)
}

fn realloc<T: 'static>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut LibcCtx,
    pointer: u32,
    size: u32,
) -> Result<u32, Error> {
    if let Some(own) = exported::<T, (u32, u32), u32>(caller, "realloc") {
        return own.call(caller, (pointer, size));
    }
    if pointer == 0 {
        return malloc(caller, get, size);
    }
    if exported::<T, u32, u32>(caller, "malloc").is_some() {
        return Err(Error::msg("the module exports `malloc` but no `realloc`"));
    }
    let memory = caller.default_memory().ok_or_else(no_memory)?;
    let owner = Owner::of(&*caller, &memory)?;
    let resized = get(caller.data_mut()).with_heap(&owner, |heap| {
        let len = heap.len_bytes(pointer)?;
        Ok((len, heap.resize(pointer, size)?))
    });
    let (len, resized) = resized.map_err(|misuse: HeapMisuse| Error::new(misuse))?;
    if resized {
        return Ok(pointer);
    }
    let moved = malloc(caller, &get, size)?;
    if moved != 0 {
        let kept = u32::try_from(len).unwrap_or(u32::MAX).min(size);
        over_len(caller, kept, |mem| mem.memmove(moved, pointer, kept))?;
        LibcCtx::heap_free(caller.as_context_mut(), get, &memory, pointer)?;
    }
    Ok(moved)
}

/// Clocks. `clock` counts nanoseconds, as the WASI SDK has it.
fn time<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut LibcCtx + Send + Sync + Copy + 'static,
) -> Result<(), LinkError> {
    linker.func_wrap("env", "clock", move |mut caller: Caller<'_, T>| {
        let elapsed = get(caller.data_mut()).epoch.elapsed();
        i64::try_from(elapsed.as_nanos()).unwrap_or(-1)
    })?;
    linker.func_wrap(
        "env",
        "clock_gettime",
        move |mut caller: Caller<'_, T>, clock: u32, at: u32| {
            over_both(&mut caller, get, |mem, ctx| {
                let now = match clock {
                    0 => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
                    1..=3 => ctx.epoch.elapsed(),
                    _ => return Ok(-1),
                };
                // A 64-bit `tv_sec`, a 32-bit `tv_nsec`, and padding.
                let mut timespec = [0; 16];
                timespec[..8].copy_from_slice(&now.as_secs().to_le_bytes());
                timespec[8..12].copy_from_slice(&now.subsec_nanos().to_le_bytes());
                mem.write(at, &timespec)?;
                Ok(0)
            })
        },
    )?;
    Ok(())
}

/// Ways to end, and what C++ calls on the way.
fn process<T: 'static>(linker: &mut Linker<T>) -> Result<(), LinkError> {
    linker.func_wrap("env", "exit", |code: i32| Err::<(), _>(Error::new(Exit(code))))?;
    macro_rules! define {
        ($($name:literal => $abort:path;)*) => {$(
            linker.func_wrap("env", $name, |code: i32| Err::<(), _>(Error::new($abort(code))))?;
        )*};
    }
    define! {
        "abort" => Abort::Abort;
        "abortStackOverflow" => Abort::StackOverflow;
        "nullFunc_X" => Abort::NullFunc;
    }
    linker.func_wrap("env", "__cxa_begin_catch", |_: u32| {})?;
    linker.func_wrap("env", "__cxa_throw", |exception: u32, _: u32, _: i32| {
        Err::<(), _>(Error::new(Abort::Throw { exception }))
    })?;
    Ok(())
}
