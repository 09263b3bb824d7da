//! Reports: call stacks, memory and times.

use std::ffi::{CString, c_char, c_void};
use std::fmt::Write;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::Duration;

use wamr::Backtrace;

use super::entity::Entity;
use super::env::{self, Env, Lent};
use super::group::Data;
use super::handle::{self, Name};
use super::instance::Inst;
use super::text;
use crate::frame::Place;

/// `wasm_frame_t`
#[repr(C)]
pub(crate) struct Frame {
    instance: *mut c_void,
    module_offset: u32,
    func_index: u32,
    func_offset: u32,
    func_name: *const c_char,
    sp: *mut u32,
    frame_ref: *mut u8,
    lp: *mut u32,
}

/// What has called the innermost native of this thread that is one of the instance's group, if there
/// is any such native.
fn caller_of(inst: &Inst) -> Option<Lent> {
    env::caller_of(&inst.group()?.present())
}

/// The frames that are live, or where none is, those that the last exception passed through.
fn frames_of(inst: &Inst) -> Backtrace {
    let live =
        caller_of(inst).and_then(|caller| caller.borrow(|store| Backtrace::capture(store)).ok());
    live.filter(|live| !live.frames().is_empty()).unwrap_or_else(|| inst.backtrace())
}

/// The instance of a live frame, by what the frame says, or else if it is the only one of its module.
fn instance_of(data: &Data, frame: &wamr::Frame) -> Name {
    let known = frame.instance_id().and_then(|id| data.instances.get(&id));
    let is_of =
        |inst: &&Arc<Inst>| Arc::ptr_eq(inst.module.loaded.decoded(), frame.module().decoded());
    let only = || {
        let mut all = data.instances.values().filter(is_of);
        all.next().filter(|_| all.next().is_none())
    };
    known.or_else(only).map_or(null_mut(), |inst| inst.name)
}

/// Where C gets frames.
struct Buffer<'b> {
    skip: u32,
    to: std::slice::IterMut<'b, MaybeUninit<Frame>>,
    copied: u32,
}

impl Buffer<'_> {
    /// Takes the next frame; `Break` if there is no room for more.
    fn push(&mut self, inst: &Inst, instance: Name, frame: &wamr::Frame) -> ControlFlow<()> {
        if self.skip != 0 {
            self.skip -= 1;
            return ControlFlow::Continue(());
        }
        let Some(to) = self.to.next() else { return ControlFlow::Break(()) };
        let place = Place::of(frame);
        let offset = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        to.write(Frame {
            instance,
            module_offset: offset(place.module_offset),
            func_index: frame.func().0,
            func_offset: offset(place.func_offset),
            func_name: func_name(inst, frame),
            sp: null_mut(),
            frame_ref: null_mut(),
            lp: null_mut(),
        });
        self.copied += 1;
        ControlFlow::Continue(())
    }
}

/// The call stack as WAMR prints it.
fn call_stack(inst: &Inst) -> String {
    let backtrace = frames_of(inst);
    let mut text = String::new();
    if backtrace.frames().is_empty() {
        return text;
    }
    text.push('\n');
    for (i, frame) in backtrace.frames().iter().enumerate() {
        let name = frame.func_name().unwrap_or_else(|| format!("$f{}", frame.func()));
        let offset = frame.offset().unwrap_or(0);
        let _ = writeln!(text, "#{i:02}: 0x{offset:04x} - {name}");
    }
    if backtrace.omitted() != 0 {
        let _ = writeln!(text, "... and {} more", backtrace.omitted());
    }
    text.push('\n');
    text
}

c_api! {
    fn wasm_copy_callstack(
        env: Name,
        buffer: *mut Frame,
        length: u32,
        skip: u32,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> u32 {
        let Some(env) = handle::get::<Env>(env) else {
            text::message(error_buf, error_buf_size, &"there is no such environment");
            return 0;
        };
        let inst = env.inst();
        let to = text::slice_mut(buffer.cast::<MaybeUninit<Frame>>(), length as usize);
        let mut buffer = Buffer { skip, to: to.iter_mut(), copied: 0 };
        let mut is_live = false;
        if let Some(caller) = caller_of(&inst) {
            let _ = caller.borrow(|store| {
                Backtrace::visit_live(&store, |frame| {
                    is_live = true;
                    buffer.push(&inst, instance_of(store.data(), &frame), &frame)
                });
            });
        }
        if !is_live {
            let backtrace = inst.backtrace();
            let is_own = |frame: &wamr::Frame| {
                Arc::ptr_eq(inst.module.loaded.decoded(), frame.module().decoded())
            };
            let _ = backtrace.frames().iter().try_for_each(|frame| {
                let instance = if is_own(frame) { inst.name } else { null_mut() };
                buffer.push(&inst, instance, frame)
            });
        }
        buffer.copied
    }

    fn wasm_runtime_dump_call_stack(env: Name) {
        if let Some(env) = handle::get::<Env>(env) {
            print!("{}", call_stack(&env.inst()));
        }
    }

    fn wasm_runtime_get_call_stack_buf_size(env: Name) -> u32 {
        handle::get::<Env>(env).map_or(0, |env| call_stack(&env.inst()).len() as u32 + 1)
    }

    fn wasm_runtime_dump_call_stack_to_buf(env: Name, buf: *mut c_char, len: u32) -> u32 {
        let Some(env) = handle::get::<Env>(env) else { return 0 };
        if buf.is_null() || len == 0 {
            return 0;
        }
        let stack = call_stack(&env.inst());
        text::message(buf, len, &stack);
        (stack.len() as u32).saturating_add(1).min(len)
    }

    fn wasm_runtime_dump_mem_consumption(env: Name) {
        let Some(env) = handle::get::<Env>(env) else { return };
        let inst = env.inst();
        let module = inst.module.loaded.decoded();
        println!("Memory consumption:");
        println!("  module: {} bytes of bytecode", module.bytes.as_slice().len());
        println!(
            "  module instance: {} functions, {} globals, {} tables",
            module.funcs.len(),
            module.globals.len(),
            module.tables.len(),
        );
        let pages = inst.memory0().and_then(|memory| inst.with(|store| memory.ty(store).ok()));
        if let Some(ty) = pages {
            let bytes = ty.limits.min * ty.page_size_bytes();
            println!("  linear memory: {} pages, {bytes} bytes", ty.limits.min);
        }
        println!("  host-managed heap: at most {} bytes", inst.request.heap_bytes);
    }

    fn wasm_runtime_dump_perf_profiling(inst: Name) {
        let Some(inst) = handle::get::<Inst>(inst) else { return };
        println!("Performance profiler data:");
        for export in &inst.module.loaded.decoded().exports {
            let func = inst.known_export(&export.name).and_then(|name| handle::get::<Entity>(name));
            let time = func.map(|func| func.time()).filter(|(calls, _)| *calls != 0);
            if let Some((calls, time)) = time {
                println!("  {}: {:.3} ms, {calls} calls", export.name, millis(time));
            }
        }
    }

    fn wasm_runtime_sum_wasm_exec_time(inst: Name) -> f64 {
        handle::get::<Inst>(inst).map_or(0.0, |inst| millis(inst.time()))
    }

    fn wasm_runtime_get_wasm_func_exec_time(inst: Name, name: *const c_char) -> f64 {
        let (Some(inst), Some(name)) = (handle::get::<Inst>(inst), text::string(name)) else {
            return 0.0;
        };
        let func = inst.known_export(&name).and_then(|name| handle::get::<Entity>(name));
        func.map_or(0.0, |func| millis(func.time().1))
    }

    fn wasm_runtime_detect_native_stack_overflow(env: Name) -> bool {
        const GUARD_BYTES: u32 = 64 << 10;
        wasm_runtime_detect_native_stack_overflow_size(env, GUARD_BYTES)
    }

    fn wasm_runtime_detect_native_stack_overflow_size(env: Name, size: u32) -> bool {
        let Some(env) = handle::get::<Env>(env) else { return false };
        let inst = env.inst();
        let here = std::ptr::from_ref(&inst).addr();
        let fits = match wamr::native_stack_bounds() {
            Some(bounds) if bounds.contains(&here) => here - bounds.start > size as usize,
            _ => true,
        };
        if !fits {
            inst.set_exception(Some("native stack overflow"));
        }
        fits
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The name of a frame's function for C, which lasts as long as the instance.
fn func_name(inst: &Inst, frame: &wamr::Frame) -> *const c_char {
    match frame.module().decoded().names.func(frame.func()) {
        Some(name) => inst.keep_text(CString::new(name).unwrap_or_default()),
        None => null(),
    }
}
