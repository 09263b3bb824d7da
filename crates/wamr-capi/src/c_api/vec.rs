//! Vectors, with WAMR's layout.

use core::ffi::{CStr, c_char, c_void};
use core::mem::size_of;

use super::handle::{self, Handle, Payload};
use super::value::{self, wasm_val_t};
use crate::guard::{guard, set_last_error};
use crate::memory;

/// A vector: a number of elements, and where they are. Whoever made the elements' memory otherwise
/// than by functions of this API keeps it.
#[repr(C)]
#[derive(Debug)]
pub struct wasm_vec_t<E> {
    /// How many elements there are.
    pub size: usize,
    /// The elements.
    pub data: *mut E,
    /// What WAMR notes; written here, and not read.
    pub num_elems: usize,
    /// What WAMR notes; written here, and not read.
    pub size_of_elem: usize,
    /// What WAMR notes; always null here.
    pub lock: *mut c_void,
}

/// A vector of bytes.
pub type wasm_byte_vec_t = wasm_vec_t<u8>;
/// A name: a vector of bytes.
pub type wasm_name_t = wasm_byte_vec_t;
/// A vector of handles of some kind.
pub type wasm_handle_vec_t = wasm_vec_t<*mut Handle>;
/// A vector of values.
pub type wasm_val_vec_t = wasm_vec_t<wasm_val_t>;

/// What vectors hold: bytes, values, handles.
///
/// # Safety
/// All bits zero must be a value.
pub unsafe trait Element: Sized {
    /// Copies the element, and what it refers to.
    ///
    /// # Safety
    /// What handles it has must be valid.
    unsafe fn copy(&self) -> Self;

    /// Deletes what the element refers to.
    ///
    /// # Safety
    /// As for `copy`; the element is not used again.
    unsafe fn delete(&mut self);
}

// SAFETY: zero is a byte.
unsafe impl Element for u8 {
    unsafe fn copy(&self) -> Self {
        *self
    }

    unsafe fn delete(&mut self) {}
}

// SAFETY: zero is the null pointer.
unsafe impl Element for *mut Handle {
    unsafe fn copy(&self) -> Self {
        if self.is_null() {
            return *self;
        }
        // SAFETY: the caller's promise.
        unsafe { handle::copy(*self, "an object that can be copied", |_| true) }
    }

    unsafe fn delete(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { handle::delete_any(*self) }
    }
}

// SAFETY: zero is the `i32` 0.
unsafe impl Element for wasm_val_t {
    unsafe fn copy(&self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { value::copy(self) }
    }

    unsafe fn delete(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { value::delete(self) }
    }
}

impl<E> wasm_vec_t<E> {
    /// A vector of nothing.
    pub const fn empty() -> Self {
        Self {
            size: 0,
            data: core::ptr::null_mut(),
            num_elems: 0,
            size_of_elem: 0,
            lock: core::ptr::null_mut(),
        }
    }

    /// A vector over elements that somebody else has.
    pub(super) fn over(elements: &mut [E]) -> Self {
        Self {
            size: elements.len(),
            data: elements.as_mut_ptr(),
            num_elems: elements.len(),
            size_of_elem: size_of::<E>(),
            lock: core::ptr::null_mut(),
        }
    }

    /// The elements.
    ///
    /// # Safety
    /// What the vector says must be true.
    pub unsafe fn as_slice(&self) -> &[E] {
        if self.data.is_null() || !self.data.is_aligned() {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { core::slice::from_raw_parts(self.data, self.size) }
    }

    /// The elements, to write.
    ///
    /// # Safety
    /// As for [`Self::as_slice`], and nobody else may be using them.
    pub(super) unsafe fn as_mut_slice(&mut self) -> &mut [E] {
        if self.data.is_null() || !self.data.is_aligned() {
            return &mut [];
        }
        // SAFETY: the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.data, self.size) }
    }
}

impl<E: Element> wasm_vec_t<E> {
    /// A vector of zeros; an empty one where there is no memory for it.
    fn zeroed(size: usize) -> Self {
        let bytes = size.checked_mul(size_of::<E>());
        let data = bytes.and_then(memory::allocate_zeroed);
        match data {
            Some(data) => Self {
                size,
                data: data.as_ptr().cast(),
                num_elems: size,
                size_of_elem: size_of::<E>(),
                lock: core::ptr::null_mut(),
            },
            None => {
                if size != 0 {
                    set_last_error("out of memory");
                }
                Self::empty()
            }
        }
    }

    /// A vector of these elements.
    pub(super) fn from_elements(elements: impl ExactSizeIterator<Item = E>) -> Self {
        let vec = Self::zeroed(elements.len());
        for (at, element) in elements.enumerate().take(vec.size) {
            // SAFETY: the vector has room for that many.
            unsafe { vec.data.add(at).write(element) };
        }
        vec
    }

    /// Deletes the elements and frees their memory; the vector is empty then.
    ///
    /// # Safety
    /// What the vector says must be true, and its memory come from this API.
    pub(super) unsafe fn delete(&mut self) {
        let mut dead = core::mem::replace(self, Self::empty());
        // SAFETY: the caller's promise.
        unsafe {
            dead.as_mut_slice().iter_mut().for_each(|element| element.delete());
            memory::free(dead.data.cast());
        }
    }

    /// # Safety
    /// As for [`Self::as_slice`].
    pub(super) unsafe fn copy(&self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_elements(self.as_slice().iter().map(|element| element.copy())) }
    }
}

/// A vector that belongs to an object.
#[derive(Debug)]
pub(super) struct OwnedVec<E: Element>(pub(super) wasm_vec_t<E>);

impl<E: Element> OwnedVec<E> {
    /// Takes a vector from C, which keeps an empty one. Null is an empty one.
    ///
    /// # Safety
    /// `vec` must be null or a vector that the caller gives away.
    pub(super) unsafe fn take(vec: *mut wasm_vec_t<E>) -> Self {
        // SAFETY: the caller's promise.
        match unsafe { vec.as_mut() } {
            Some(vec) => Self(core::mem::replace(vec, wasm_vec_t::empty())),
            None => Self(wasm_vec_t::empty()),
        }
    }

    pub(super) fn as_slice(&self) -> &[E] {
        // SAFETY: the vector was taken over with the promise that it tells the truth.
        unsafe { self.0.as_slice() }
    }
}

// SAFETY: what handles stand for may go to other threads, and so may the rest.
unsafe impl<E: Element> Send for OwnedVec<E> {}

impl<E: Element> Clone for OwnedVec<E> {
    fn clone(&self) -> Self {
        // SAFETY: as in `as_slice`.
        Self(unsafe { self.0.copy() })
    }
}

impl<E: Element> Drop for OwnedVec<E> {
    fn drop(&mut self) {
        // SAFETY: as in `as_slice`; the vector came from this API.
        unsafe { self.0.delete() }
    }
}

impl OwnedVec<u8> {
    pub(super) fn from_str(name: &str) -> Self {
        Self(wasm_vec_t::from_elements(name.bytes()))
    }
}

/// Writes to an out-parameter, if there is one.
///
/// # Safety
/// `out` must be null or have room.
pub(super) unsafe fn write_out<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: the caller's promise.
        unsafe { out.write(value) };
    }
}

macro_rules! vectors {
    ($($element:ty: $empty:ident, $uninitialized:ident, $new:ident, $copy:ident, $delete:ident;)*) => {$(
        /// Makes an empty vector.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $empty(out: *mut wasm_vec_t<$element>) {
            // SAFETY: C passes room for a vector.
            guard((), || unsafe { write_out(out, wasm_vec_t::empty()) })
        }

        /// Makes a vector with room for elements, which are zeros at first.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $uninitialized(out: *mut wasm_vec_t<$element>, size: usize) {
            guard((), || {
                if !out.is_null() {
                    // SAFETY: C passes room for a vector.
                    unsafe { out.write(wasm_vec_t::zeroed(size)) };
                }
            })
        }

        /// Makes a vector of elements, which it takes over.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $new(
            out: *mut wasm_vec_t<$element>,
            size: usize,
            data: *const $element,
        ) {
            guard((), || {
                if out.is_null() {
                    return;
                }
                let vec = wasm_vec_t::zeroed(size);
                if !data.is_null() && vec.size != 0 {
                    // SAFETY: C passes as many elements as it says, and the vector has room.
                    unsafe { core::ptr::copy_nonoverlapping(data, vec.data, size) };
                }
                // SAFETY: C passes room for a vector.
                unsafe { out.write(vec) };
            })
        }

        /// Copies a vector and its elements.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $copy(
            out: *mut wasm_vec_t<$element>,
            vec: *const wasm_vec_t<$element>,
        ) {
            guard((), || {
                if out.is_null() {
                    return;
                }
                // SAFETY: C passes a vector, or null, and room for one.
                unsafe { out.write(vec.as_ref().map_or(wasm_vec_t::empty(), |vec| vec.copy())) };
            })
        }

        /// Deletes a vector's elements and frees it; it is empty then.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $delete(vec: *mut wasm_vec_t<$element>) {
            guard((), || {
                // SAFETY: C passes a vector that came from here, or null.
                if let Some(vec) = unsafe { vec.as_mut() } {
                    // SAFETY: as above.
                    unsafe { vec.delete() };
                }
            })
        }
    )*};
}

vectors! {
    u8: wasm_byte_vec_new_empty, wasm_byte_vec_new_uninitialized, wasm_byte_vec_new,
        wasm_byte_vec_copy, wasm_byte_vec_delete;
    wasm_val_t: wasm_val_vec_new_empty, wasm_val_vec_new_uninitialized, wasm_val_vec_new,
        wasm_val_vec_copy, wasm_val_vec_delete;
    *mut Handle: wasm_valtype_vec_new_empty, wasm_valtype_vec_new_uninitialized,
        wasm_valtype_vec_new, wasm_valtype_vec_copy, wasm_valtype_vec_delete;
    *mut Handle: wasm_functype_vec_new_empty, wasm_functype_vec_new_uninitialized,
        wasm_functype_vec_new, wasm_functype_vec_copy, wasm_functype_vec_delete;
    *mut Handle: wasm_globaltype_vec_new_empty, wasm_globaltype_vec_new_uninitialized,
        wasm_globaltype_vec_new, wasm_globaltype_vec_copy, wasm_globaltype_vec_delete;
    *mut Handle: wasm_tabletype_vec_new_empty, wasm_tabletype_vec_new_uninitialized,
        wasm_tabletype_vec_new, wasm_tabletype_vec_copy, wasm_tabletype_vec_delete;
    *mut Handle: wasm_memorytype_vec_new_empty, wasm_memorytype_vec_new_uninitialized,
        wasm_memorytype_vec_new, wasm_memorytype_vec_copy, wasm_memorytype_vec_delete;
    *mut Handle: wasm_tagtype_vec_new_empty, wasm_tagtype_vec_new_uninitialized,
        wasm_tagtype_vec_new, wasm_tagtype_vec_copy, wasm_tagtype_vec_delete;
    *mut Handle: wasm_externtype_vec_new_empty, wasm_externtype_vec_new_uninitialized,
        wasm_externtype_vec_new, wasm_externtype_vec_copy, wasm_externtype_vec_delete;
    *mut Handle: wasm_importtype_vec_new_empty, wasm_importtype_vec_new_uninitialized,
        wasm_importtype_vec_new, wasm_importtype_vec_copy, wasm_importtype_vec_delete;
    *mut Handle: wasm_exporttype_vec_new_empty, wasm_exporttype_vec_new_uninitialized,
        wasm_exporttype_vec_new, wasm_exporttype_vec_copy, wasm_exporttype_vec_delete;
    *mut Handle: wasm_frame_vec_new_empty, wasm_frame_vec_new_uninitialized, wasm_frame_vec_new,
        wasm_frame_vec_copy, wasm_frame_vec_delete;
    *mut Handle: wasm_extern_vec_new_empty, wasm_extern_vec_new_uninitialized, wasm_extern_vec_new,
        wasm_extern_vec_copy, wasm_extern_vec_delete;
}

/// Makes a name from a C string, without its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_name_new_from_string(out: *mut wasm_name_t, s: *const c_char) {
    // SAFETY: C passes a string, and room for a vector.
    guard((), || unsafe { name_from_string(out, s, 0) })
}

/// Makes a name from a C string, with the zero at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_name_new_from_string_nt(out: *mut wasm_name_t, s: *const c_char) {
    // SAFETY: C passes a string, and room for a vector.
    guard((), || unsafe { name_from_string(out, s, 1) })
}

/// # Safety
/// `s` must be null or a C string, and `out` null or room for a vector.
unsafe fn name_from_string(out: *mut wasm_name_t, s: *const c_char, end: usize) {
    if s.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { write_out(out, wasm_vec_t::empty()) };
    }
    // SAFETY: as above; the zero is part of the string's memory.
    unsafe {
        let bytes = CStr::from_ptr(s).to_bytes_with_nul();
        let bytes = &bytes[..bytes.len() - 1 + end];
        write_out(out, wasm_vec_t::from_elements(bytes.iter().copied()));
    }
}

/// Handles of these payloads, as a vector.
pub(super) fn vec_of_handles(
    payloads: impl ExactSizeIterator<Item = Payload>,
) -> wasm_handle_vec_t {
    wasm_vec_t::from_elements(payloads.map(handle::new))
}
