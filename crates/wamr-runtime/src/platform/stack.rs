//! Where the current thread's stack lies, by `pthread_getattr_np`.

use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr;

pub(super) fn bounds() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the attributes are read only once the first call has filled them, and are
    // destroyed after that.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut start, mut bytes, mut guard) = (ptr::null_mut(), 0, 0);
        let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut start, &mut bytes) == 0
            && libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        // Some C libraries count the guard pages among the stack.
        let (start, end) = (start.addr().checked_add(guard)?, start.addr().checked_add(bytes)?);
        (known && start < end).then_some(start..end)
    }
}
