//! Exceptions: what throws them. What catches them is [`crate::trap`].

use wamr_runtime::rt;

use super::memory::helper_ops;
use crate::op::{Flow, Slot, Source};

helper_ops! {
    /// `throw`; `top` is the first slot that neither the payload nor anything below needs.
    Throw "throw" { tag: u32, fields: Slot, top: Slot } |op, r| {
        (*(*r.ctx).store).interp_top.set(r.slot(op.top));
        rt::throw(r.ctx, op.tag, r.slot(op.fields));
        Flow::Fail
    }

    /// `throw_ref`
    ThrowRef "throw_ref" { exception: Slot } |op, r| {
        match rt::throw_ref(r.ctx, op.exception.get(r)) {
            Ok(()) => Flow::Fail,
            Err(code) => Flow::Trap(code),
        }
    }

    /// The legacy `rethrow`; `ends` is 1 where it leaves the catch clause for good.
    Rethrow "rethrow" { exception: Slot, ends: u32 } |op, r| {
        rt::rethrow(r.ctx, op.exception.get(r), op.ends != 0);
        Flow::Fail
    }

    /// The end of a legacy catch clause whose exception `rethrow` names.
    Release "release" { exception: Slot } |op, r| {
        rt::release(r.ctx, op.exception.get(r));
        Flow::Next
    }
}
