//! What ends a process must go on ending it, and handlers of the embedder must be called. Each
//! scenario runs in a process of its own.

use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, exit};
use std::sync::atomic::{AtomicUsize, Ordering};

use wamr::{Extern, Func};

use super::{Host, READER, is_out_of_bounds};

const SCENARIO: &str = "WAMR_TEST_SCENARIO";

/// Runs a scenario in a child: this very binary, told to run the test `child` alone.
fn run(scenario: &str) -> (ExitStatus, String) {
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "process::child", "--nocapture", "--test-threads=1"])
        .env(SCENARIO, scenario)
        .output()
        .expect("the test's own binary runs");
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn child() {
    let Ok(scenario) = std::env::var(SCENARIO) else { return };
    match &*scenario {
        "host fault" => host_fault(),
        "handler before" => handler_before(),
        "handler after" => handler_after(),
        "ignored signal" => ignored_signal(),
        "sent signal" => sent_signal(),
        "native overflow" => native_overflow(),
        "address space" => address_space(),
        _ => panic!("no scenario {scenario}"),
    }
}

/// Makes a guest fault, which installs the handler if it was not.
fn guest_fault() {
    let mut host = Host::new(true);
    let instance = host.instantiate(READER, &[]);
    assert!(is_out_of_bounds(host.call(&instance, "read", 65536)));
    assert_eq!(host.call(&instance, "read", 0).unwrap(), 0);
}

/// Has a host function that was called by wasm run `fault`.
fn in_host(fault: impl Fn() + Send + Sync + 'static) {
    let mut host = Host::new(true);
    let func = Func::wrap(&mut host.store, move |at: i32| {
        fault();
        at
    });
    let instance = host.instantiate(
        r#"(module (import "host" "call" (func $call (param i32) (result i32))) (memory 1)
            (func (export "run") (param i32) (result i32) (call $call (local.get 0))))"#,
        &[Extern::Func(func)],
    );
    let _ = host.call(&instance, "run", 0);
}

/// Where reads fault: a page that nobody may touch.
fn forbidden() -> *const u8 {
    let (private, none) = (libc::MAP_PRIVATE | libc::MAP_ANON, libc::PROT_NONE);
    // SAFETY: an anonymous mapping at an address of the system's choice touches nothing.
    unsafe { libc::mmap(std::ptr::null_mut(), 4096, none, private, -1, 0).cast() }
}

/// Faults, as broken host code would.
fn fault() {
    let at = forbidden();
    // SAFETY: none: the instruction faults, which is the point. It is assembly, so that no
    // compiler may think about it.
    unsafe { core::arch::asm!("mov {at:l}, byte ptr [{at}]", at = inout(reg) at => _) };
}

fn host_fault() {
    guest_fault();
    in_host(fault);
    exit(1);
}

#[test]
fn a_fault_of_host_code_kills() {
    let (status, stderr) = run("host fault");
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}: {stderr}");
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

fn install(handler: usize) -> libc::sigaction {
    // SAFETY: all zeros are a valid action, which is then filled in; handlers below only touch
    // an atomic and exit.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut previous: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, &mut previous), 0);
        previous
    }
}

extern "C" fn exits(_: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the signal's information is passed on as the kernel gave it.
    let is_fault = unsafe { (*info).si_code } > 0;
    // SAFETY: ends the process and nothing else.
    unsafe { libc::_exit(if is_fault { 42 } else { 43 }) }
}

fn handler_before() {
    install(exits as *const () as usize);
    guest_fault();
    in_host(fault);
    exit(1);
}

#[test]
fn a_handler_that_was_there_gets_what_is_not_a_guests() {
    let (status, stderr) = run("handler before");
    assert_eq!(status.code(), Some(42), "{status}: {stderr}");
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn counts(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
    let next = NEXT.load(Ordering::Relaxed);
    // SAFETY: the handler before this one was installed with `SA_SIGINFO`.
    let next: extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void) =
        unsafe { std::mem::transmute(next) };
    next(signal, info, context);
}

fn handler_after() {
    guest_fault();
    let previous = install(counts as *const () as usize);
    assert_ne!(previous.sa_flags & libc::SA_SIGINFO, 0);
    NEXT.store(previous.sa_sigaction, Ordering::Relaxed);
    guest_fault();
    assert_eq!(HANDLED.load(Ordering::Relaxed), 1);
    exit(7);
}

#[test]
fn a_handler_that_came_later_may_hand_on() {
    let (status, stderr) = run("handler after");
    assert_eq!(status.code(), Some(7), "{status}: {stderr}");
}

fn ignored_signal() {
    // SAFETY: ignoring a signal is always sound.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_IGN) };
    guest_fault();
    // SAFETY: sends a signal to this very thread.
    unsafe { libc::raise(libc::SIGSEGV) };
    guest_fault();
    exit(7);
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let (status, stderr) = run("ignored signal");
    assert_eq!(status.code(), Some(7), "{status}: {stderr}");
}

fn sent_signal() {
    // SAFETY: the default action is always sound.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    guest_fault();
    // SAFETY: sends a signal to this very thread.
    unsafe { libc::raise(libc::SIGSEGV) };
    exit(1);
}

#[test]
fn a_signal_that_was_sent_kills() {
    let (status, stderr) = run("sent signal");
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}: {stderr}");
}

fn native_overflow() {
    #[allow(unconditional_recursion, reason = "the point")]
    fn recurse(depth: u64) -> u64 {
        let page = [depth; 512];
        std::hint::black_box(&page);
        recurse(depth + 1) + page[(depth % 512) as usize]
    }
    guest_fault();
    in_host(|| {
        std::hint::black_box(recurse(0));
    });
    exit(1);
}

#[test]
fn a_native_stack_overflow_is_told_as_ever() {
    let (status, stderr) = run("native overflow");
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}: {stderr}");
    assert!(stderr.contains("overflowed its stack"), "{stderr}");
}

/// What `ulimit -v` does.
fn address_space() {
    let limit = libc::rlimit { rlim_cur: 4 << 30, rlim_max: 4 << 30 };
    // SAFETY: lowers a limit of this process.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    guest_fault();
    let mut host = Host::new(true);
    let instance = host.instantiate(READER, &[]);
    assert_eq!(host.call(&instance, "grow", 2).unwrap(), 1);
    assert_eq!(host.call(&instance, "read", (3 << 16) - 4).unwrap(), 0);
    assert!(is_out_of_bounds(host.call(&instance, "read", (3 << 16) - 3)));
    assert_eq!(host.call(&instance, "grow", 1).unwrap(), -1);
    exit(7);
}

#[test]
fn memories_work_where_address_space_is_scarce() {
    let (status, stderr) = run("address space");
    assert_eq!(status.code(), Some(7), "{status}: {stderr}");
}
