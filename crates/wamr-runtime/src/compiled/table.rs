//! Tables about machine code, which may be large: made on the spot, or found in a file that is in
//! memory anyway.

use core::fmt;
use core::ops::{Deref, Range};
use core::ptr::NonNull;
use core::slice;

use wamr_types::ModuleBytes;

/// An item of a table: numbers of 32 bits, and nothing else.
///
/// # Safety
/// The type must be `repr(C)` with fields of type `u32` alone.
pub unsafe trait TableItem: Copy + fmt::Debug + PartialEq + 'static {}

/// A table, either its own or part of bytes that others have too.
pub struct Table<T>(Repr<T>);

enum Repr<T> {
    Own(Box<[T]>),
    Part { items: NonNull<[T]>, bytes: ModuleBytes },
}

// SAFETY: items are plain numbers that nobody writes.
unsafe impl<T: TableItem> Send for Table<T> {}
// SAFETY: as above.
unsafe impl<T: TableItem> Sync for Table<T> {}

impl<T: TableItem> Table<T> {
    /// The table in a range of bytes, which hold little-endian numbers; `None` if it ends with a
    /// part of an item, or the range is not one of the bytes.
    pub fn in_bytes(bytes: &ModuleBytes, range: Range<usize>) -> Option<Self> {
        let part = bytes.as_slice().get(range)?;
        if !part.len().is_multiple_of(size_of::<T>()) {
            return None;
        }
        let len = part.len() / size_of::<T>();
        let at = part.as_ptr().cast::<T>();
        if cfg!(target_endian = "little") && at.is_aligned() {
            let items = NonNull::slice_from_raw_parts(NonNull::new(at.cast_mut())?, len);
            return Some(Self(Repr::Part { items, bytes: bytes.clone() }));
        }
        let words = part.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word));
        let words: Vec<u32> = words.collect();
        // SAFETY: items consist of such numbers, so many of them.
        Some(Self(Repr::Own(unsafe { slice::from_raw_parts(words.as_ptr().cast(), len) }.into())))
    }
}

impl<T> Deref for Table<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::Own(items) => items,
            // SAFETY: the bytes are there as long as the value, are aligned, and nobody writes them
            // while somebody has a reference to them; every pattern of bits is an item.
            Repr::Part { items, .. } => unsafe { items.as_ref() },
        }
    }
}

impl<T: Clone> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Repr::Own(items) => Repr::Own(items.clone()),
            Repr::Part { items, bytes } => Repr::Part { items: *items, bytes: bytes.clone() },
        })
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Repr::Own(Box::default()))
    }
}

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Table<T> {}

impl<T> From<Vec<T>> for Table<T> {
    fn from(items: Vec<T>) -> Self {
        Self(Repr::Own(items.into()))
    }
}

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
