//! What a native sees of the world when it is called: the store, the caller's memory, its
//! attachment, and its arguments, checked.

use core::any::Any;
use core::ops::Range;
use std::sync::Arc;

use wamr_runtime::{
    AsContext, AsContextMut, Caller, Error, Memory, StoreContext, StoreContextMut, Val,
};
use wamr_types::TrapCode;

use super::signature::Letter;

/// What a native has attached.
pub(super) type Attachment = Arc<dyn Any + Send + Sync>;

/// What a native sees of the world when it is called.
pub struct NativeEnv<'a, T: 'static> {
    caller: Caller<'a, T>,
    attachment: Option<Attachment>,
    /// The caller's memory, once somebody asked for it.
    memory: Option<Memory>,
    /// References among the arguments of a raw native, by their numbers in slots, less 1.
    references: Vec<Val>,
}

/// An argument of a native, checked as its signature says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NativeArg {
    /// `i`
    I32(i32),
    /// `I`
    I64(i64),
    /// `f`
    F32(f32),
    /// `F`
    F64(f64),
    /// `r`
    Ref(Val),
    /// `*`: that many bytes at the address lie in the memory.
    Pointer(GuestBuf),
    /// `~`
    Length(u64),
    /// `$`: the bytes before the NUL, which all lie in the memory.
    String(GuestBuf),
    /// A vector; only natives without a signature get one.
    V128(u128),
}

/// A range of bytes that lay in the caller's memory when the native was called, and does so for
/// good, since memories do not shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestBuf {
    /// The address of the first byte.
    pub address: u64,
    /// How many bytes there are.
    pub len_bytes: u64,
}

impl GuestBuf {
    fn range(self) -> Option<Range<usize>> {
        let start = usize::try_from(self.address).ok()?;
        Some(start..start.checked_add(usize::try_from(self.len_bytes).ok()?)?)
    }
}

fn out_of_bounds() -> Error {
    TrapCode::MemoryOutOfBounds.into()
}

impl<'a, T: 'static> NativeEnv<'a, T> {
    pub(super) fn new(caller: Caller<'a, T>, attachment: Option<Attachment>) -> Self {
        Self { caller, attachment, memory: None, references: Vec::new() }
    }

    /// The store, and the instance that called.
    pub fn caller(&mut self) -> &mut Caller<'a, T> {
        &mut self.caller
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.caller.data()
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.caller.data_mut()
    }

    /// What was attached to the native, if it is an `A`.
    pub fn attachment<A: Any>(&self) -> Option<&A> {
        self.attachment.as_deref()?.downcast_ref()
    }

    /// The caller's memory.
    ///
    /// # Errors
    /// If it has none.
    pub fn memory(&mut self) -> Result<Memory, Error> {
        if self.memory.is_none() {
            self.memory = self.caller.default_memory();
        }
        let memory = self.memory.clone();
        memory.ok_or_else(|| Error::msg("a native with pointers was called without a memory"))
    }

    /// The bytes of the caller's memory.
    ///
    /// # Errors
    /// If it has none, or it is shared with other threads.
    pub fn bytes(&mut self) -> Result<&mut [u8], Error> {
        self.memory()?.data_mut(&mut self.caller)
    }

    /// The bytes of a range.
    ///
    /// # Errors
    /// If it does not lie in the caller's memory, or that is shared with other threads.
    pub fn slice(&mut self, range: GuestBuf) -> Result<&mut [u8], Error> {
        let range = range.range().ok_or_else(out_of_bounds)?;
        self.bytes()?.get_mut(range).ok_or_else(out_of_bounds)
    }

    /// How many bytes there are from an address on.
    fn reach(&mut self, address: u64) -> Result<u64, Error> {
        let reach = self.memory()?.reach_bytes(&self.caller, address)?;
        reach.ok_or_else(out_of_bounds)
    }

    /// A copy of the bytes of a range; of shared memories too.
    ///
    /// # Errors
    /// If it does not lie in the caller's memory.
    pub fn read(&mut self, range: GuestBuf) -> Result<Vec<u8>, Error> {
        let start =
            self.check(range.address, range.len_bytes)?.range().ok_or_else(out_of_bounds)?;
        let mut bytes = vec![0; start.len()];
        self.memory()?.read(&self.caller, start.start, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies bytes in, from an address on; into shared memories too.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] if they do not fit into the caller's memory.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let range = self.check(address, bytes.len() as u64)?.range().ok_or_else(out_of_bounds)?;
        self.memory()?.write(&mut self.caller, range.start, bytes)
    }

    /// Checks that bytes from an address on lie in the caller's memory.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] if they do not.
    pub fn check(&mut self, address: u64, len_bytes: u64) -> Result<GuestBuf, Error> {
        if len_bytes > self.reach(address)? {
            return Err(out_of_bounds());
        }
        Ok(GuestBuf { address, len_bytes })
    }

    /// Finds the end of the string at an address.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] if there is no NUL up to the end of the caller's memory.
    pub fn check_string(&mut self, address: u64) -> Result<GuestBuf, Error> {
        let start = usize::try_from(address).map_err(|_| out_of_bounds())?;
        let memory = self.memory()?;
        if memory.ty(&self.caller)?.shared {
            return self.check_string_in_pieces(address);
        }
        let Some(bytes) = memory.data(&self.caller)?.get(start..) else {
            return self.check_string_in_pieces(address);
        };
        let len = memchr::memchr(0, bytes).ok_or_else(out_of_bounds)?;
        Ok(GuestBuf { address, len_bytes: len as u64 })
    }

    /// The same for bytes that cannot be borrowed.
    fn check_string_in_pieces(&mut self, address: u64) -> Result<GuestBuf, Error> {
        let mut at = address;
        loop {
            let piece = self.reach(at)?.min(256);
            if piece == 0 {
                return Err(out_of_bounds());
            }
            let found = self.read(GuestBuf { address: at, len_bytes: piece })?;
            if let Some(end) = memchr::memchr(0, &found) {
                return Ok(GuestBuf { address, len_bytes: at - address + end as u64 });
            }
            at += piece;
        }
    }

    /// The reference that a slot of a raw native stands for; `None` for null.
    pub fn reference(&self, slot: u64) -> Option<&Val> {
        self.references.get(usize::try_from(slot.checked_sub(1)?).ok()?)
    }

    /// A number that stands for a reference in a slot of a raw native, as long as the call lasts.
    pub fn reference_slot(&mut self, value: Val) -> u64 {
        match value {
            Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => 0,
            value => {
                self.references.push(value);
                self.references.len() as u64
            }
        }
    }

    /// Arguments as a signature reads them; without one, as they are.
    pub(super) fn check_args(
        &mut self,
        letters: Option<&[Letter]>,
        params: &[Val],
    ) -> Result<Vec<NativeArg>, Error> {
        let mut args = Vec::with_capacity(params.len());
        for (i, param) in params.iter().enumerate() {
            let letter = |i: usize| letters.and_then(|letters| letters.get(i));
            let arg = match letter(i) {
                Some(Letter::Pointer) => {
                    let with_length = letter(i + 1) == Some(&Letter::Length);
                    let len = if with_length { params.get(i + 1).map_or(0, address) } else { 1 };
                    NativeArg::Pointer(self.check(address(param), len)?)
                }
                Some(Letter::Length) => NativeArg::Length(address(param)),
                Some(Letter::String) => NativeArg::String(self.check_string(address(param))?),
                _ => plain(param),
            };
            args.push(arg);
        }
        Ok(args)
    }
}

/// An address or length: unsigned.
fn address(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        _ => 0,
    }
}

fn plain(value: &Val) -> NativeArg {
    match value {
        Val::I32(value) => NativeArg::I32(*value),
        Val::I64(value) => NativeArg::I64(*value),
        Val::F32(bits) => NativeArg::F32(f32::from_bits(*bits)),
        Val::F64(bits) => NativeArg::F64(f64::from_bits(*bits)),
        Val::V128(bits) => NativeArg::V128(*bits),
        reference => NativeArg::Ref(reference.clone()),
    }
}

impl<T: 'static> AsContext for NativeEnv<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.caller.as_context()
    }
}

impl<T: 'static> AsContextMut for NativeEnv<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.caller.as_context_mut()
    }
}

impl<T: 'static> core::fmt::Debug for NativeEnv<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NativeEnv").finish_non_exhaustive()
    }
}
