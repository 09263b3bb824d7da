//! Frames that are live: which wasm led to the host function that is running.
//!
//! Whoever leaves wasm for a function that may be the host's notes in [`VmStore::exit`] from where:
//! an [`ExitWord`], which leads to the innermost frame of its activation. Nobody takes that back when
//! the function returns. Whoever begins an activation keeps the word at its outermost frame, and puts
//! it back in the end. So the word is right whenever the host runs, and from each activation the way
//! leads to the one before it; while wasm runs it may lead to frames that are gone, but nobody who
//! could ask has the store then.
//!
//! What leads nowhere costs nothing: calls within wasm touch none of this.
//!
//! [`VmStore::exit`]: crate::vm::VmStore::exit

use core::ops::ControlFlow;

use wamr_types::FuncIdx;

use crate::backtrace::{Backtrace, Frame};
use crate::compiled::live_frames;
use crate::rt;
use crate::store::{AsContext, StoreCore};
use crate::vm::VmContext;

/// Where wasm was left: nowhere, at a frame of compiled code, or at an [`Exit`].
///
/// Frame pointers and exits are aligned; the lowest bit tells one from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct ExitWord(usize);

impl ExitWord {
    /// No wasm is active.
    pub const NONE: Self = Self(0);

    /// Left by a mode that says itself how to go along its frames. The exit must stay where it is
    /// until the function that is called has returned.
    #[inline(always)]
    pub fn of(exit: &Exit) -> Self {
        Self(core::ptr::from_ref(exit).expose_provenance() | 1)
    }

    /// Left by compiled code, which called a stub or an adapter whose frame pointer this is.
    pub(crate) const fn of_stub(fp: usize) -> Self {
        Self(fp)
    }

    /// What [`ExitWord::to_slot`] gave.
    pub const fn from_slot(slot: u64) -> Self {
        Self(slot as usize)
    }

    /// As a slot, for modes that keep words among values.
    pub const fn to_slot(self) -> u64 {
        self.0 as u64
    }
}

/// How a mode goes along its frames: from the one that left wasm outwards, telling `visit` of each,
/// to the outermost of the activation. Gives the word that was kept there, unless `visit` has enough.
///
/// # Safety
/// The exit must be one that the mode noted, and its frames active.
pub type WalkFrames = unsafe fn(*const Exit, visit: &mut Visit<'_>) -> ControlFlow<(), ExitWord>;

/// Who is told of frames, innermost first, by context, function and offset in the module.
pub type Visit<'v> = dyn FnMut(*mut VmContext, FuncIdx, Option<usize>) -> ControlFlow<()> + 'v;

/// Where a mode left wasm; what it needs to know follows in a structure that this is the first field
/// of.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct Exit {
    /// How to go along its frames.
    pub walk: WalkFrames,
}

/// Tells `visit` of every live frame, innermost first, until it has enough.
///
/// # Safety
/// The store must be idle, or one of its host functions be running.
unsafe fn walk(core: &StoreCore, visit: &mut dyn FnMut(Frame) -> ControlFlow<()>) {
    let mut word = core.vm().exit.get();
    while word != ExitWord::NONE {
        // SAFETY: the word is right while the host runs, as the module says, and contexts of frames
        // are alive as their frames are.
        let next = unsafe {
            if word.0 & 1 == 0 {
                live_frames(core::ptr::with_exposed_provenance(word.0), visit)
            } else {
                let exit: *const Exit = core::ptr::with_exposed_provenance(word.0 & !1);
                ((*exit).walk)(exit, &mut |ctx, func, offset| visit(rt::frame(ctx, func, offset)))
            }
        };
        match next {
            ControlFlow::Continue(next) => word = next,
            ControlFlow::Break(()) => return,
        }
    }
}

impl Backtrace {
    /// The wasm frames that are live in a store, innermost first: inside of a host function, all those
    /// that led to it, in every mode and through every host function between them. None while no
    /// wasm runs.
    ///
    /// ```
    /// # use wamr_runtime as wamr;
    /// use wamr::{Backtrace, Caller};
    ///
    /// fn whence(caller: Caller<'_, ()>) {
    ///     println!("called from:{}", Backtrace::capture(&caller));
    /// }
    /// ```
    pub fn capture(store: impl AsContext) -> Self {
        let mut backtrace = Self::default();
        Self::visit_live(store, |frame| {
            backtrace.push(frame);
            ControlFlow::Continue(())
        });
        backtrace
    }

    /// Tells `visit` of the frames that [`Backtrace::capture`] finds, one by one, until it has enough.
    /// There may be as many as fit the stacks.
    pub fn visit_live(store: impl AsContext, mut visit: impl FnMut(Frame) -> ControlFlow<()>) {
        let store = store.as_context();
        // SAFETY: who has access to a store is the host, while no wasm runs or in a host function.
        unsafe { walk(store.core(), &mut visit) }
    }
}
