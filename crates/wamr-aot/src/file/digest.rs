//! The digest of a file: BLAKE3, which is a tree. Large files are hashed on several threads, each
//! of which hashes a part of the tree.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;
use std::thread;

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use super::header::{DIGEST_LEN, DIGEST_OFFSET};

/// What is hashed at a time: a power of two, so that each piece is a tree.
const PIECE_BYTES: usize = 1 << 20;
/// Shorter files are not worth another thread.
const LARGE_BYTES: usize = 4 * PIECE_BYTES;
/// More threads than this wait for memory.
const MAX_THREADS: usize = 4;

/// The digest of a file that is long enough to have a header, with zeros in its own place.
pub(super) fn digest(file: &[u8]) -> [u8; DIGEST_LEN] {
    if file.len() >= LARGE_BYTES {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        return digest_on(file, threads.min(MAX_THREADS));
    }
    let mut hasher = Hasher::new();
    add_first(&mut hasher, file);
    *hasher.finalize().as_bytes()
}

/// What a look at a file gives, if the file has this digest. Large files are looked at while other
/// threads hash, and what was seen is forgotten if the digest is another one; whoever looks must
/// therefore put up with any bytes.
pub(super) fn beside<R>(
    file: &[u8],
    expected: &[u8; DIGEST_LEN],
    look: impl FnOnce() -> R,
) -> Option<R> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    if file.len() < LARGE_BYTES || threads == 1 {
        return (digest(file) == *expected).then(look);
    }
    let (found, outcome) = digest_beside(file, threads.min(MAX_THREADS), look);
    (found == *expected).then_some(outcome)
}

/// Adds what a file begins with.
fn add_first(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&bytes[..DIGEST_OFFSET]);
    hasher.update(&[0; DIGEST_LEN]);
    hasher.update(&bytes[DIGEST_OFFSET + DIGEST_LEN..]);
}

/// The same for a file of more than a piece, on so many threads if there are as many.
fn digest_on(file: &[u8], threads: usize) -> [u8; DIGEST_LEN] {
    digest_beside(file, threads, || ()).0
}

/// The same, after this thread has done something else.
fn digest_beside<R>(
    file: &[u8],
    threads: usize,
    first: impl FnOnce() -> R,
) -> ([u8; DIGEST_LEN], R) {
    let pieces: Vec<&[u8]> = file.chunks(PIECE_BYTES).collect();
    let values: Vec<OnceLock<ChainingValue>> = pieces.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(position) else { return };
            let mut hasher = Hasher::new();
            if position == 0 {
                add_first(&mut hasher, piece);
            } else {
                hasher.set_input_offset((position * PIECE_BYTES) as u64).update(piece);
            }
            let _ = values[position].set(hasher.finalize_non_root());
        }
    };
    let outcome = thread::scope(|scope| {
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        let outcome = first();
        work();
        outcome
    });
    let values: Vec<ChainingValue> = values.into_iter().filter_map(OnceLock::into_inner).collect();
    let (left, right) = split(&values);
    (*merge_subtrees_root(&merge(left), &merge(right), Mode::Hash).as_bytes(), outcome)
}

/// The subtrees of a tree of more than one piece: the left one is as large as it can be.
fn split(values: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    values.split_at(values.len().next_power_of_two() / 2)
}

fn merge(values: &[ChainingValue]) -> ChainingValue {
    if let [value] = values {
        return *value;
    }
    let (left, right) = split(values);
    merge_subtrees_non_root(&merge(left), &merge(right), Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_whole_file() {
        let mut state = 1_u64;
        let mut bytes: Vec<u8> = core::iter::repeat_with(|| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(LARGE_BYTES + PIECE_BYTES + 1)
        .collect();
        let mut zeroed = bytes.clone();
        zeroed[DIGEST_OFFSET..DIGEST_OFFSET + DIGEST_LEN].fill(0);
        for len in [
            PIECE_BYTES + 1,
            2 * PIECE_BYTES - 1,
            2 * PIECE_BYTES,
            3 * PIECE_BYTES + 1000,
            LARGE_BYTES - 1,
            LARGE_BYTES,
            LARGE_BYTES + PIECE_BYTES + 1,
        ] {
            let expected = *blake3::hash(&zeroed[..len]).as_bytes();
            assert_eq!(digest(&bytes[..len]), expected, "{len}");
            for threads in [1, 2, 4] {
                assert_eq!(digest_on(&bytes[..len], threads), expected, "{len}, {threads}");
            }
        }
        for file in [&bytes[..], &bytes[..LARGE_BYTES - 1]] {
            assert_eq!(beside(file, &digest(file), || 7), Some(7));
            assert_eq!(beside(file, &[0; DIGEST_LEN], || 7), None);
        }
        bytes[LARGE_BYTES] ^= 1;
        assert_ne!(digest(&bytes), *blake3::hash(&zeroed).as_bytes());
    }
}
