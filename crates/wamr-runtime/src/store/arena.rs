//! Boxes that never move, freed by sweeping.

use core::ptr::NonNull;

/// Owner of entities of one kind.
pub(crate) struct Arena<T>(Vec<NonNull<T>>);

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Arena<T> {
    /// Takes an entity in and gives its address, valid until it is swept.
    pub(crate) fn alloc(&mut self, entity: T) -> NonNull<T> {
        let at = NonNull::from(Box::leak(Box::new(entity)));
        self.0.push(at);
        at
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes over all entities of another arena; their addresses stay valid.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// All entities.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NonNull<T>> {
        self.0.iter().copied()
    }

    /// Takes out what `keep` does not want. What is dropped with it may be code of the embedder,
    /// so the caller brings the store in order first.
    #[must_use]
    pub(crate) fn sweep(&mut self, mut keep: impl FnMut(&T) -> bool) -> Vec<Box<T>> {
        let mut dead = Vec::new();
        self.0.retain(|&at| {
            // SAFETY: every address in the arena is a live box that the arena owns.
            let kept = keep(unsafe { at.as_ref() });
            if !kept {
                // SAFETY: as above; the address leaves the arena right here.
                dead.push(unsafe { Box::from_raw(at.as_ptr()) });
            }
            kept
        });
        dead
    }
}

impl<T> Drop for Arena<T> {
    fn drop(&mut self) {
        drop(self.sweep(|_| false));
    }
}
