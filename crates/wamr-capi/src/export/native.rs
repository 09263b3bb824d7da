//! Natives: C functions that wasm calls, by signature strings or raw.

use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::sync::{Arc, PoisonError};

use wamr::native::{GuestBuf, Native, NativeArg, NativeEnv, Signature};
use wamr::{
    AsContextMut, Caller, Candidate, Error, Func, FuncType, HostFuncDef, ImportType, Source,
    StoreContextMut, Val, ValType,
};

use super::env;
use super::group::Data;
use super::handle::Name;
use super::runtime::Runtime;
use super::sysv::{Args, CAN_CALL, Returned};
use super::text;
use super::types::is_func;
use super::value::{from_bits, to_bits};
use crate::guard;

/// `NativeSymbol`
#[repr(C)]
pub(crate) struct NativeSymbol {
    pub(crate) symbol: *const c_char,
    pub(crate) func_ptr: *mut c_void,
    pub(crate) signature: *const c_char,
    pub(crate) attachment: *mut c_void,
}

/// What is left of a function's environment runs when nobody has the function any more.
pub(crate) struct Finalizer {
    pub(crate) run: extern "C" fn(*mut c_void),
    pub(crate) env: *mut c_void,
}

impl Drop for Finalizer {
    fn drop(&mut self) {
        // The store that had the function may be in the middle of something.
        let (run, env) = (self.run, self.env);
        guard::defer(move || run(env));
    }
}

/// A C function that wasm may call.
pub(crate) struct NativeDef {
    pub(crate) func: *mut c_void,
    pub(crate) signature: Option<Signature>,
    pub(crate) is_raw: bool,
    pub(crate) attachment: *mut c_void,
    pub(crate) finalizer: Option<Finalizer>,
}

// SAFETY: by the header's contract natives may be called on any thread that runs wasm, and
// attachments are carried, never followed.
unsafe impl Send for NativeDef {}
// SAFETY: as above.
unsafe impl Sync for NativeDef {}

/// Natives by name, with the array that each came in; the newest is the last.
type ByName = HashMap<String, Vec<(usize, Arc<NativeDef>)>>;

/// All natives, by the module that they are imported from.
#[derive(Default)]
pub(crate) struct Registry {
    modules: HashMap<String, ByName>,
}

impl Registry {
    /// What the library has of its own, which natives of the embedder shadow.
    pub(crate) fn new() -> Self {
        let mut this = Self::default();
        let names = this.modules.entry("env".into()).or_default();
        for (name, native) in super::shared_heap::natives() {
            names.entry(name.into()).or_default().push((0, Arc::new(native)));
        }
        this
    }

    /// The newest native of a name, or of the name without a leading `_`.
    pub(crate) fn get(&self, module: &str, name: &str) -> Option<Arc<NativeDef>> {
        let names = self.modules.get(module)?;
        let newest = |name: &str| Some(names.get(name)?.last()?.1.clone());
        newest(name).or_else(|| newest(name.strip_prefix('_')?))
    }
}

/// What a native reports by `wasm_runtime_set_exception`.
#[derive(Debug)]
pub(crate) struct NativeFailure(pub(crate) String);

impl std::fmt::Display for NativeFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NativeFailure {}

impl NativeDef {
    /// The native as a function of a type that it fits; `None` if it does not.
    pub(crate) fn make(
        self: &Arc<Self>,
        store: StoreContextMut<'_, Data>,
        ty: &FuncType,
    ) -> Result<Option<Func>, Error> {
        let vectors = ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::V128);
        if vectors || (!self.is_raw && (!CAN_CALL || ty.results().len() > 1)) {
            return Ok(None);
        }
        let this = self.clone();
        let are_numbers =
            ty.params().iter().chain(ty.results()).all(|ty| ty.as_ref_type().is_none());
        let fits = self.signature.as_ref().is_none_or(|signature| signature.fits(ty));
        if are_numbers && fits && self.signature.as_ref().is_none_or(Signature::is_numbers) {
            let types = ty.clone();
            let def = HostFuncDef::with_slots(store.engine(), ty.clone(), move |caller, slots| {
                this.call_numbers(caller, &types, slots)
            });
            return def?.to_func(store).map(Some);
        }
        if self.is_raw && self.signature.is_none() {
            let types = ty.clone();
            return Func::new(store, ty.clone(), move |mut caller, params, results| {
                this.call_raw(&mut caller, &types, params, results)
            })
            .map(Some);
        }
        // The registry of natives checks arguments as the signature says.
        let result = ty.results().first().copied();
        let signature = self.signature.as_ref().map(Signature::to_string);
        let native = Native::checked("f", signature.as_deref(), move |env, args| {
            this.call(env, args, result)
        });
        let native = native.map_err(Error::new)?;
        native.to_func(store, ty)
    }

    /// Calls the C function with arguments that were checked.
    fn call(
        &self,
        env: &mut NativeEnv<'_, Data>,
        args: &[NativeArg],
        result: Option<ValType>,
    ) -> Result<Option<Val>, Error> {
        let mut places = Vec::with_capacity(args.len());
        for arg in args {
            places.push(match arg {
                NativeArg::I32(value) => Place::Int(u64::from(*value as u32)),
                NativeArg::I64(value) => Place::Int(*value as u64),
                NativeArg::F32(value) => Place::Float(value.to_bits().into()),
                NativeArg::F64(value) => Place::Float(value.to_bits()),
                NativeArg::Pointer(range) | NativeArg::String(range) => {
                    Place::Int(pointer(env, *range)?)
                }
                NativeArg::Length(length) => Place::Int(*length),
                NativeArg::Ref(value) => Place::Ref(value.clone()),
                _ => return Err(Error::msg("a native takes no vectors")),
            });
        }
        let result = result.as_slice();
        let values = self.enter(env.caller(), places, result)?;
        Ok(values.into_iter().next())
    }

    /// Calls the C function with numbers of no more than 64 bits, one in each slot.
    fn call_numbers(
        &self,
        mut caller: Caller<'_, Data>,
        ty: &FuncType,
        slots: &mut [u64],
    ) -> Result<(), Error> {
        let native = env::in_native(&mut caller, self.attachment, |env| {
            match (self.is_raw, slots.is_empty()) {
                (true, false) => self.run_raw(env.name, slots),
                // Such a function may look at the place of a result all the same.
                (true, true) => self.run_raw(env.name, &mut [0]),
                (false, _) => {
                    let mut places = Args::default();
                    places.int(env.name.addr() as u64);
                    for (ty, slot) in ty.params().iter().zip(&*slots) {
                        match ty {
                            ValType::F32 | ValType::F64 => places.float(*slot),
                            _ => places.int(*slot),
                        }
                    }
                    // SAFETY: by the header's contract the function takes an environment and
                    // arguments of the types that wasm imports it with.
                    let Returned { int, float } = unsafe { places.call(self.func) };
                    match ty.results() {
                        [] => {}
                        [ValType::F32 | ValType::F64, ..] => slots[0] = float,
                        _ => slots[0] = int,
                    }
                }
            }
            env.take_exception()
        });
        match native {
            Some(None) => Ok(()),
            Some(Some(exception)) => Err(Error::new(NativeFailure(exception))),
            None => Err(not_called()),
        }
    }

    fn run_raw(&self, env: Name, slots: &mut [u64]) {
        // SAFETY: by the header's contract a raw native is such a function, and looks at as many
        // slots as its type says, or at one.
        let func =
            unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(Name, *mut u64)>(self.func) };
        func(env, slots.as_mut_ptr());
    }

    fn call_raw(
        &self,
        caller: &mut Caller<'_, Data>,
        ty: &FuncType,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let place = |param: &Val| match param {
            Val::I32(value) => Place::Int(u64::from(*value as u32)),
            Val::I64(value) => Place::Int(*value as u64),
            Val::F32(bits) => Place::Int(u64::from(*bits)),
            Val::F64(bits) => Place::Int(*bits),
            value => Place::Ref(value.clone()),
        };
        let places = params.iter().map(place).collect();
        let values = self.enter(caller, places, ty.results())?;
        for (result, value) in results.iter_mut().zip(values) {
            *result = value;
        }
        Ok(())
    }

    /// Calls the C function, which may use the API meanwhile.
    fn enter(
        &self,
        caller: &mut Caller<'_, Data>,
        places: Vec<Place>,
        results: &[ValType],
    ) -> Result<Vec<Val>, Error> {
        let native = env::in_native(caller, self.attachment, |env| {
            let group = env::innermost().ok_or_else(not_called)?;
            let mut bits = Vec::with_capacity(places.len());
            for place in places {
                bits.push(match place {
                    Place::Int(value) => (value, false),
                    Place::Float(value) => (value, true),
                    Place::Ref(value) => {
                        let bits = group.borrow(|mut store| to_bits(&mut store, env, value));
                        (bits.map_err(Error::new)?, false)
                    }
                });
            }
            let returned = self.run(env.name, &bits, results);
            let inst = env.inst();
            if let Some(exception) = inst.take_exception_text() {
                return Err(Error::new(NativeFailure(exception)));
            }
            let values = results.iter().zip(returned).map(|(ty, bits)| {
                group
                    .borrow(|mut store| from_bits(&mut store, &inst, *ty, bits))
                    .map_err(Error::new)?
                    .map_err(Error::msg)
            });
            values.collect()
        });
        native.unwrap_or_else(|| Err(not_called()))
    }

    fn run(&self, env: Name, args: &[(u64, bool)], results: &[ValType]) -> Vec<u64> {
        if self.is_raw {
            let mut slots: Vec<u64> = args.iter().map(|(bits, _)| *bits).collect();
            slots.resize(slots.len().max(results.len()).max(1), 0);
            self.run_raw(env, &mut slots);
            slots.truncate(results.len());
            return slots;
        }
        let mut places = Args::default();
        places.int(env.addr() as u64);
        for &(bits, is_float) in args {
            if is_float { places.float(bits) } else { places.int(bits) }
        }
        // SAFETY: by the header's contract the function takes an environment and arguments of
        // the types that wasm imports it with.
        let Returned { int, float } = unsafe { places.call(self.func) };
        let take = |ty: &ValType| match ty {
            ValType::F32 => float & u64::from(u32::MAX),
            ValType::F64 => float,
            ValType::I32 => int & u64::from(u32::MAX),
            ValType::Ref(ty) if is_func(*ty) && int == 0 => u64::from(u32::MAX),
            _ => int,
        };
        results.iter().map(take).collect()
    }
}

fn not_called() -> Error {
    Error::msg("a native was called without an execution environment")
}

/// Where an argument goes.
enum Place {
    Int(u64),
    Float(u64),
    Ref(Val),
}

/// A pointer of the host to a checked range of the caller's memory.
fn pointer(env: &mut NativeEnv<'_, Data>, range: GuestBuf) -> Result<u64, Error> {
    let memory = env.memory()?;
    let at = memory.address_of(env.as_context_mut(), range.address, range.len_bytes)?;
    Ok(at.expose_provenance() as u64)
}

/// All registered natives, for lists of imports.
pub(crate) struct NativeSource<'r>(pub(crate) &'r Runtime);

impl NativeSource<'_> {
    pub(crate) fn get(&self, module: &str, name: &str) -> Option<Arc<NativeDef>> {
        self.0.natives.read().unwrap_or_else(PoisonError::into_inner).get(module, name)
    }
}

impl Source<Data> for NativeSource<'_> {
    fn contains(&self, module: &str, name: &str) -> bool {
        self.get(module, name).is_some()
    }

    fn find(
        &self,
        store: StoreContextMut<'_, Data>,
        import: &ImportType<'_>,
    ) -> Result<Option<Candidate>, Error> {
        let Some(native) = self.get(import.module(), import.name()) else { return Ok(None) };
        let made = match import.ty().func() {
            Some(ty) => native.make(store, ty)?,
            None => None,
        };
        Ok(Some(made.map_or_else(
            || {
                let signature = native.signature.as_ref();
                Candidate::Unfit(signature.map_or_else(
                    || "native function".into(),
                    |signature| format!("native function {signature}").into(),
                ))
            },
            |func| Candidate::Value(func.into()),
        )))
    }

    fn names(&self, visit: &mut dyn FnMut(&str, &str)) {
        let natives = self.0.natives.read().unwrap_or_else(PoisonError::into_inner);
        for (module, names) in &natives.modules {
            names.keys().for_each(|name| visit(module, name));
        }
    }
}

/// A signature from C; an empty one counts as none.
pub(crate) fn signature(text: *const c_char) -> Result<Option<Signature>, String> {
    let text = text::full_string(text);
    text.map(|text| text.parse()).transpose().map_err(|error| format!("{error}"))
}

/// Registers natives; all of them or none.
pub(crate) fn register(
    module: *const c_char,
    symbols: *mut NativeSymbol,
    count: u32,
    is_raw: bool,
) -> bool {
    let (Some(runtime), Some(module)) = (Runtime::current(), text::string(module)) else {
        return false;
    };
    let list = text::slice(symbols.cast_const(), count as usize);
    if list.len() != count as usize {
        return false;
    }
    let mut natives = Vec::with_capacity(list.len());
    for symbol in list {
        let (Some(name), Ok(signature)) =
            (text::string(symbol.symbol), signature(symbol.signature))
        else {
            return false;
        };
        if symbol.func_ptr.is_null() {
            return false;
        }
        natives.push((
            name,
            NativeDef {
                func: symbol.func_ptr,
                signature,
                is_raw,
                attachment: symbol.attachment,
                finalizer: None,
            },
        ));
    }
    let mut registry = runtime.natives.write().unwrap_or_else(PoisonError::into_inner);
    let names = registry.modules.entry(module).or_default();
    for (name, native) in natives {
        names.entry(name).or_default().push((symbols.addr(), Arc::new(native)));
    }
    true
}

c_api! {
    fn wasm_runtime_register_natives(
        module: *const c_char,
        symbols: *mut NativeSymbol,
        count: u32,
    ) -> bool {
        register(module, symbols, count, false)
    }

    fn wasm_runtime_register_natives_raw(
        module: *const c_char,
        symbols: *mut NativeSymbol,
        count: u32,
    ) -> bool {
        register(module, symbols, count, true)
    }

    fn wasm_runtime_unregister_natives(
        module: *const c_char,
        symbols: *mut NativeSymbol,
    ) -> bool {
        let (Some(runtime), Some(module)) = (Runtime::current(), text::string(module)) else {
            return false;
        };
        let mut registry = runtime.natives.write().unwrap_or_else(PoisonError::into_inner);
        let Some(names) = registry.modules.get_mut(&module) else { return false };
        let mut found = false;
        for natives in names.values_mut() {
            let before = natives.len();
            natives.retain(|(owner, _)| *owner != symbols.addr());
            found |= natives.len() != before;
        }
        names.retain(|_, natives| !natives.is_empty());
        found
    }

    fn get_base_lib_export_apis(apis: *mut *mut NativeSymbol) -> u32 {
        text::write(apis, std::ptr::null_mut());
        0
    }
}
