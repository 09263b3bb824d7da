//! Reading what C points to, and writing where it wants answers.

use std::ffi::{CStr, c_char};
use std::fmt;

/// A string of C; `None` for null. What is not UTF-8 is replaced.
pub(crate) fn string(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: by the header's contract a pointer that is not null is a string with a NUL.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// A string of C; `None` for null and for the empty string.
pub(crate) fn full_string(text: *const c_char) -> Option<String> {
    match read(text) {
        None | Some(0) => None,
        Some(_) => string(text),
    }
}

/// A list of strings of C; nulls in it are left out.
pub(crate) fn strings(list: *const *const c_char, count: usize) -> Vec<String> {
    slice(list, count).iter().filter_map(|text| string(*text)).collect()
}

/// A list of C; empty where the pointer is null.
pub(crate) fn slice<'a, T>(list: *const T, count: usize) -> &'a [T] {
    if list.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: by the header's contract the list has that many items, which nobody changes during
    // the call.
    unsafe { std::slice::from_raw_parts(list, count) }
}

/// A list of C to write to; empty where the pointer is null.
pub(crate) fn slice_mut<'a, T>(list: *mut T, count: usize) -> &'a mut [T] {
    if list.is_null() || count == 0 {
        return &mut [];
    }
    // SAFETY: by the header's contract the list has room for that many items, which nobody else
    // uses during the call.
    unsafe { std::slice::from_raw_parts_mut(list, count) }
}

/// What C points to; `None` for null.
pub(crate) fn read<T: Copy>(from: *const T) -> Option<T> {
    if from.is_null() {
        return None;
    }
    // SAFETY: by the header's contract a pointer that is not null points to a value.
    Some(unsafe { from.read() })
}

/// Writes an answer, unless C does not want it.
pub(crate) fn write<T>(to: *mut T, value: T) -> bool {
    if to.is_null() {
        return false;
    }
    // SAFETY: by the header's contract a pointer that is not null has room for the answer.
    unsafe { to.write(value) };
    true
}

/// Writes a message, as much of it as fits, with a NUL.
pub(crate) fn message(buf: *mut c_char, size: u32, text: &dyn fmt::Display) {
    let to = slice_mut(buf.cast::<u8>(), size as usize);
    if to.is_empty() {
        return;
    }
    let text = text.to_string();
    let mut end = text.len().min(to.len() - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    to[..end].copy_from_slice(&text.as_bytes()[..end]);
    to[end] = 0;
}
