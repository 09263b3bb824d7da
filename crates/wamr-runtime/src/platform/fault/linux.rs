//! The handler of faults on x86-64 Linux; what it may rely on stands one level up.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::OnceLock;

use libc::{sigaction, siginfo_t, ucontext_t};

use wamr_types::TrapCode;

use crate::entity::GUARDED_RESERVATION_BYTES;

/// Whether memories can be guarded on this platform.
pub const SUPPORTED: bool = cfg!(target_pointer_width = "64");

/// Instructions that may fault, and where to go on if they do.
struct FaultSites {
    /// Each entry is the distance of an instruction from the entry itself.
    entries: &'static [i32],
    landing: *const (),
    next: AtomicPtr<FaultSites>,
}

static SITES: AtomicPtr<FaultSites> = AtomicPtr::new(null_mut());
/// The signals that we handle, and how they were handled before, if we do.
static HANDLED: [Handled; 3] =
    [Handled::new(libc::SIGSEGV), Handled::new(libc::SIGILL), Handled::new(libc::SIGFPE)];

/// A signal that we may handle.
struct Handled {
    signal: c_int,
    is_installed: OnceLock<bool>,
    previous: OnceLock<sigaction>,
}

/// Makes sites known, for the life of the process. An entry is the distance of an instruction
/// from the entry itself.
///
/// # Safety
/// The instructions and `landing` must keep the promise that the module states.
pub unsafe fn register(entries: &'static [i32], landing: *const ()) {
    let sites = FaultSites { entries, landing, next: AtomicPtr::new(null_mut()) };
    let sites = Box::leak(Box::new(sites));
    let mut first = SITES.load(Ordering::Relaxed);
    loop {
        sites.next.store(first, Ordering::Relaxed);
        match SITES.compare_exchange_weak(first, sites, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

/// Where to go on after a fault at `pc`, if that is a site.
fn landing_of(pc: usize) -> Option<*const ()> {
    let mut next = SITES.load(Ordering::Acquire);
    // SAFETY: registered sites are never freed nor changed.
    while let Some(sites) = unsafe { next.as_ref() } {
        let address = |entry: &i32| (&raw const *entry).addr().wrapping_add_signed(*entry as isize);
        if sites.entries.iter().any(|entry| address(entry) == pc) {
            return Some(sites.landing);
        }
        next = sites.next.load(Ordering::Relaxed);
    }
    None
}

impl Handled {
    const fn new(signal: c_int) -> Self {
        Self { signal, is_installed: OnceLock::new(), previous: OnceLock::new() }
    }

    /// Installs the handler, unless it is; false where the system refuses.
    fn install(&self) -> bool {
        *self.is_installed.get_or_init(|| {
            let mut previous = MaybeUninit::<sigaction>::uninit();
            // SAFETY: asks for the present action, which the call writes if it succeeds.
            if unsafe { sigaction(self.signal, null(), previous.as_mut_ptr()) } != 0 {
                return false;
            }
            // SAFETY: written by the call above.
            let previous = *self.previous.get_or_init(|| unsafe { previous.assume_init() });
            // The mask and flags of the handler before, so that it finds itself as it was
            // installed.
            let mut action = previous;
            action.sa_sigaction = on_fault as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO
                | libc::SA_ONSTACK
                | (previous.sa_flags & (libc::SA_NODEFER | libc::SA_RESTART));
            // SAFETY: `on_fault` is safe to run at any instruction: it takes no locks, and what it
            // reads is never freed while it may be read.
            unsafe { sigaction(self.signal, &action, null_mut()) == 0 }
        })
    }
}

/// Installs the handler for accesses, unless it is; false where the system refuses.
pub(crate) fn install() -> bool {
    HANDLED[0].install()
}

/// Installs the handler for everything that compiled code may do.
pub(crate) fn install_for_code() -> bool {
    HANDLED.iter().all(Handled::install)
}

unsafe extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives the interrupted thread's state, which is changed only where the
    // interrupted instruction's promise allows it.
    unsafe {
        let registers = &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs;
        let base = registers[libc::REG_RDX as usize] as usize;
        // Positive codes are faults, all others were sent by somebody.
        let is_fault = (*info).si_code > 0;
        if is_fault && let Some((pc, code)) = trap_of(registers[libc::REG_RIP as usize] as usize) {
            registers[libc::REG_RDI as usize] = pc as i64;
            registers[libc::REG_RSI as usize] = registers[libc::REG_RBP as usize];
            registers[libc::REG_RDX as usize] = code as i64;
            registers[libc::REG_RIP as usize] = crate::compiled::FAULTED as i64;
            return;
        }
        if is_fault && let Some(landing) = landing_of(registers[libc::REG_RIP as usize] as usize) {
            let distance = ((*info).si_addr() as usize).wrapping_sub(base) as u64;
            if distance < GUARDED_RESERVATION_BYTES {
                registers[libc::REG_RIP as usize] = landing as i64;
                return;
            }
        }
        hand_on(signal, info, context, is_fault);
    }
}

/// The trap that a fault of compiled code is, if it is one.
fn trap_of(pc: usize) -> Option<(usize, TrapCode)> {
    // SAFETY: the thread was stopped at this instruction, so that it is running the code.
    let code = unsafe { crate::compiled::code::place_of(pc)?.trap()? };
    Some((pc, code))
}

/// Does with a signal what would have been done without us.
///
/// # Safety
/// As the kernel called the handler.
unsafe fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void, is_fault: bool) {
    let handled = HANDLED.iter().find(|handled| handled.signal == signal);
    let Some(previous) = handled.and_then(|handled| handled.previous.get()) else { return };
    // SAFETY: a handler that was installed may be called as it was installed.
    unsafe {
        match previous.sa_sigaction {
            libc::SIG_IGN if !is_fault => {}
            libc::SIG_IGN | libc::SIG_DFL => {
                // The default action. A fault comes again; what was sent must be.
                let mut default = *previous;
                default.sa_sigaction = libc::SIG_DFL;
                sigaction(signal, &default, null_mut());
                if !is_fault {
                    libc::raise(signal);
                }
            }
            handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
                type Handler = unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
                core::mem::transmute::<usize, Handler>(handler)(signal, info, context);
            }
            handler => {
                type Handler = unsafe extern "C" fn(c_int);
                core::mem::transmute::<usize, Handler>(handler)(signal);
            }
        }
    }
}
