//! Natives: functions of the host in registries, called by WAMR's signature strings, with pointers
//! into the caller's memory checked before the native sees them.
//!
//! A registry belongs to whoever made it; nothing here is global. What does not live here: calls
//! through C function pointers, which the C API makes of [`Native::checked`].

mod env;
pub use env::{GuestBuf, NativeArg, NativeEnv};

mod signature;
pub use signature::{Signature, SignatureError};

mod typed;
pub use typed::{GuestPtr, GuestStr, IntoNative, NativeParam, NativeResult, WithEnv};

use core::any::Any;
use core::fmt;
use std::collections::HashMap;
use std::sync::Arc;

use env::Attachment;
use wamr_runtime::{
    AsContextMut, Caller, Engine, Error, Func, HostFuncDef, ImportType, StoreContextMut, Val,
};
use wamr_types::{FuncType, ValType};

use crate::{Candidate, ForThreads, Source};

/// What a native does with its checked arguments.
pub(crate) type Body<T> =
    Arc<dyn Fn(&mut NativeEnv<'_, T>, &[NativeArg]) -> Result<Option<Val>, Error> + Send + Sync>;

type RawBody<T> = Arc<dyn Fn(&mut NativeEnv<'_, T>, &mut [u64]) -> Result<(), Error> + Send + Sync>;

enum Kind<T: 'static> {
    Checked(Body<T>),
    Raw(RawBody<T>),
}

impl<T: 'static> Clone for Kind<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Checked(body) => Self::Checked(body.clone()),
            Self::Raw(body) => Self::Raw(body.clone()),
        }
    }
}

/// A function of the host, not yet of any store. Cheap to clone.
pub struct Native<T: 'static> {
    name: Box<str>,
    signature: Option<Signature>,
    kind: Kind<T>,
    attachment: Option<Attachment>,
}

impl<T: 'static> Clone for Native<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            signature: self.signature.clone(),
            kind: self.kind.clone(),
            attachment: self.attachment.clone(),
        }
    }
}

impl<T: 'static> fmt::Debug for Native<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, signature) = (&self.name, &self.signature);
        f.debug_struct("Native").field("name", name).field("signature", signature).finish()
    }
}

impl<T: 'static> Native<T> {
    /// A native from a closure, whose types spell the signature.
    pub fn new<P, R>(name: &str, func: impl IntoNative<T, P, R>) -> Self {
        let (signature, body) = func.into_native();
        let signature = signature.parse().expect("parameter types have letters of signatures");
        Self {
            name: name.into(),
            signature: Some(signature),
            kind: Kind::Checked(body),
            attachment: None,
        }
    }

    /// A native from a signature and a closure over checked arguments. Without a signature it
    /// fits every type of at most one result, and nothing is checked or converted.
    ///
    /// # Errors
    /// If the string is not a signature.
    pub fn checked(
        name: &str,
        signature: Option<&str>,
        func: impl Fn(&mut NativeEnv<'_, T>, &[NativeArg]) -> Result<Option<Val>, Error>
        + Send
        + Sync
        + 'static,
    ) -> Result<Self, SignatureError> {
        Self::of(name, signature, Kind::Checked(Arc::new(func)))
    }

    /// A raw native from a closure over 8-byte slots: arguments in order, the result in the first
    /// one. There is always at least one. With a signature pointers are checked, but stay what
    /// they are; references are numbers that [`NativeEnv::reference`] knows.
    ///
    /// # Errors
    /// If the string is not a signature.
    pub fn raw(
        name: &str,
        signature: Option<&str>,
        func: impl Fn(&mut NativeEnv<'_, T>, &mut [u64]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Self, SignatureError> {
        Self::of(name, signature, Kind::Raw(Arc::new(func)))
    }

    fn of(name: &str, signature: Option<&str>, kind: Kind<T>) -> Result<Self, SignatureError> {
        let signature = signature.map(str::parse).transpose()?;
        Ok(Self { name: name.into(), signature, kind, attachment: None })
    }

    /// Attaches a value, which [`NativeEnv::attachment`] finds when the native is called.
    #[must_use]
    pub fn attachment(mut self, attachment: impl Any + Send + Sync) -> Self {
        self.attachment = Some(Arc::new(attachment));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signature.
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// The native as a function of a type in a store; `None` if it does not fit the type.
    ///
    /// # Errors
    /// If the type refers to types of another engine, or the engine holds no more types.
    pub fn to_func(
        &self,
        mut store: impl AsContextMut<Data = T>,
        ty: &FuncType,
    ) -> Result<Option<Func>, Error> {
        if !self.fits(ty) {
            return Ok(None);
        }
        let def = self.bind(store.as_context_mut().engine(), ty)?;
        def.to_func(store).map(Some)
    }

    /// The native as a function of a type, of no store yet; `None` if it does not fit the type.
    ///
    /// # Errors
    /// As [`Native::to_func`].
    pub fn to_def(&self, engine: &Engine, ty: &FuncType) -> Result<Option<HostFuncDef<T>>, Error> {
        if self.fits(ty) { self.bind(engine, ty).map(Some) } else { Ok(None) }
    }

    /// Whether it can be called as a function of this type.
    fn fits(&self, ty: &FuncType) -> bool {
        let vectors = |types: &[ValType]| types.contains(&ValType::V128);
        match (&self.signature, &self.kind) {
            (Some(signature), _) => signature.fits(ty),
            (None, Kind::Raw(_)) if vectors(ty.params()) || vectors(ty.results()) => false,
            (None, _) => ty.results().len() <= 1,
        }
    }

    /// The native as a host function of a type that it fits.
    fn bind(&self, engine: &Engine, ty: &FuncType) -> Result<HostFuncDef<T>, Error> {
        let native = self.clone();
        let result = ty.results().first().copied();
        HostFuncDef::new(engine, ty.clone(), move |caller, params, results| {
            let value = native.call(caller, params, result)?;
            match (results.first_mut(), value) {
                (Some(place), Some(value)) => *place = value,
                (Some(_), None) => return Err(Error::msg("a native gave no result")),
                (None, _) => {}
            }
            Ok(())
        })
    }

    fn call(
        &self,
        caller: Caller<'_, T>,
        params: &[Val],
        result: Option<ValType>,
    ) -> Result<Option<Val>, Error> {
        let mut env = NativeEnv::new(caller, self.attachment.clone());
        let letters = self.signature.as_ref().map(Signature::params);
        let args = env.check_args(letters, params)?;
        let body = match &self.kind {
            Kind::Checked(body) => return body(&mut env, &args),
            Kind::Raw(body) => body,
        };
        let mut slots = vec![0; params.len().max(1)];
        for (slot, param) in slots.iter_mut().zip(params) {
            *slot = match param {
                Val::I32(value) => u64::from(*value as u32),
                Val::I64(value) => *value as u64,
                Val::F32(bits) => u64::from(*bits),
                Val::F64(bits) => *bits,
                reference => env.reference_slot(reference.clone()),
            };
        }
        body(&mut env, &mut slots)?;
        let Some(result) = result else { return Ok(None) };
        Ok(Some(match result {
            ValType::I32 => Val::I32(slots[0] as i32),
            ValType::I64 => Val::I64(slots[0] as i64),
            ValType::F32 => Val::F32(slots[0] as u32),
            ValType::F64 => Val::F64(slots[0]),
            ty => match env.reference(slots[0]) {
                Some(reference) => reference.clone(),
                None => {
                    let null = Val::default_in(env.caller().engine().types(), ty);
                    null.ok_or_else(|| Error::msg("a native returned null for what is not"))?
                }
            },
        }))
    }
}

/// Names one call of [`Natives::register`], to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NativesId(u64);

/// Natives of one module name; the newest of each name is the last.
type ByName<T> = HashMap<Box<str>, Vec<(NativesId, Native<T>)>>;

/// A registry of natives. The newest native of a name shadows older ones; a name that nobody has
/// is looked for again without a leading `_`.
///
/// Functions that were linked stay what they are when a native is unregistered.
pub struct Natives<T: 'static> {
    modules: HashMap<Box<str>, ByName<T>>,
    next: u64,
}

impl<T: 'static> Default for Natives<T> {
    fn default() -> Self {
        Self { modules: HashMap::new(), next: 0 }
    }
}

impl<T: 'static> fmt::Debug for Natives<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Natives").field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

impl<T: 'static> Natives<T> {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers natives under a module name.
    pub fn register(
        &mut self,
        module: &str,
        natives: impl IntoIterator<Item = Native<T>>,
    ) -> NativesId {
        let id = NativesId(self.next);
        self.next += 1;
        let names = self.modules.entry(module.into()).or_default();
        for native in natives {
            names.entry(native.name.clone()).or_default().push((id, native));
        }
        id
    }

    /// Takes a registration back; what it shadowed is there again. Says whether it was there.
    pub fn unregister(&mut self, id: NativesId) -> bool {
        let mut found = false;
        for names in self.modules.values_mut() {
            for natives in names.values_mut() {
                let before = natives.len();
                natives.retain(|(owner, _)| *owner != id);
                found |= natives.len() != before;
            }
            names.retain(|_, natives| !natives.is_empty());
        }
        self.modules.retain(|_, names| !names.is_empty());
        found
    }

    /// The native that a name means.
    pub fn get(&self, module: &str, name: &str) -> Option<&Native<T>> {
        let names = self.modules.get(module)?;
        let newest = |name: &str| Some(&names.get(name)?.last()?.1);
        newest(name).or_else(|| newest(name.strip_prefix('_')?))
    }
}

impl<T: 'static> Source<T> for Natives<T> {
    fn contains(&self, module: &str, name: &str) -> bool {
        self.get(module, name).is_some()
    }

    fn find(
        &self,
        store: StoreContextMut<'_, T>,
        import: &ImportType<'_>,
    ) -> Result<Option<Candidate>, Error> {
        let Some(native) = self.get(import.module(), import.name()) else { return Ok(None) };
        match import.ty().func() {
            Some(ty) if native.fits(ty) => {
                let func = native.bind(store.engine(), ty)?.to_func(store)?;
                Ok(Some(Candidate::Value(func.into())))
            }
            _ => Ok(Some(Candidate::Unfit(match &native.signature {
                Some(signature) => format!("native function {signature}").into(),
                None => "native function".into(),
            }))),
        }
    }

    fn find_for_threads(
        &self,
        engine: &Engine,
        import: &ImportType<'_>,
    ) -> Result<Option<ForThreads<T>>, Error> {
        let Some(native) = self.get(import.module(), import.name()) else { return Ok(None) };
        match import.ty().func() {
            Some(ty) if native.fits(ty) => Ok(Some(native.bind(engine, ty)?.into())),
            _ => Err(Error::msg(format_args!(
                "the native `{}` is no {}",
                native.name.escape_debug(),
                import.ty()
            ))),
        }
    }

    fn names(&self, visit: &mut dyn FnMut(&str, &str)) {
        for (module, names) in &self.modules {
            names.keys().for_each(|name| visit(module, name));
        }
    }
}
