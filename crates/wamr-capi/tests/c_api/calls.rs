//! Functions of the host, calls, traps.

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use iwasm::c_api::*;

use crate::support::*;

unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: the test gave the address of a counter, which outlives what has it.
    unsafe { &*data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn add_env(
    env: *mut c_void,
    args: *const wasm_val_vec_t,
    results: *mut wasm_val_vec_t,
) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let runs = (*env.cast::<AtomicUsize>()).load(Ordering::Relaxed) as i32;
        *(*results).data = wasm_val_t::i32((*args).as_slice()[0].of.i32 + runs);
    }
    null_mut()
}

#[test]
fn functions_of_the_host_have_an_environment() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let env = AtomicUsize::new(0);
        let data = core::ptr::from_ref(&env).cast_mut().cast();
        let ty = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
        let func = wasm_func_new_with_env(store, ty, Some(add_env), data, Some(count));
        assert_eq!((wasm_func_param_arity(func), wasm_func_result_arity(func)), (1, 1));
        let told = wasm_func_type(func);
        assert_eq!((*wasm_functype_params(told)).size, 1);
        wasm_functype_delete(told);
        assert_eq!(call(func, &[41]), Ok(vec![41]));
        // Without a callback there is no function, and nothing is left of the environment.
        assert!(wasm_func_new_with_env(store, ty, None, data, Some(count)).is_null());
        assert_eq!(env.load(Ordering::Relaxed), 1);
        assert_eq!(call(func, &[41]), Ok(vec![42]));
        wasm_functype_delete(ty);
        wasm_func_delete(func);
    });
}

#[test]
fn results_of_any_count() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let results: String = (0..40).map(|i| format!("(i32.const {i})")).collect();
        let types = "i32 ".repeat(40);
        let text = format!(r#"(module (func (export "f") (result {types}) {results}))"#);
        let mut exports = exports(store, &text, &mut []);
        assert_eq!(call(exports.as_slice()[0], &[]), Ok((0..40).collect()));
        wasm_extern_vec_delete(&mut exports);
    });
}

unsafe extern "C" fn refuse(
    env: *mut c_void,
    _: *const wasm_val_vec_t,
    _: *mut wasm_val_vec_t,
) -> Ptr {
    trap(env.cast(), "not today")
}

#[test]
fn traps_of_the_host_have_the_frames_that_they_passed() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let ty = wasm_functype_new_0_0();
        let func = wasm_func_new_with_env(store, ty, Some(refuse), store.cast(), None);
        wasm_functype_delete(ty);
        let text = r#"(module (import "" "" (func $f)) (func $g (call $f))
            (func (export "run") (nop) (call $g)))"#;
        let instance = instance(store, text, &mut [func]);
        let mut exports = wasm_handle_vec_t::empty();
        wasm_instance_exports(instance, &mut exports);
        let ended = wasm_func_call(exports.as_slice()[0], core::ptr::null(), null_mut());
        let mut frames = wasm_handle_vec_t::empty();
        wasm_trap_trace(ended, &mut frames);
        let indices = frames.as_slice().iter().map(|&frame| wasm_frame_func_index(frame));
        assert!(indices.eq([1, 2]));
        let origin = wasm_trap_origin(ended);
        let copy = wasm_frame_copy(origin);
        wasm_frame_delete(origin);
        assert!(wasm_frame_module_offset(copy) > wasm_frame_func_offset(copy));
        assert!(wasm_frame_func_offset(frames.as_slice()[1]) >= wasm_frame_func_offset(copy));
        assert!(wasm_instance_same(wasm_frame_instance(copy), instance));
        wasm_frame_delete(copy);
        assert!(wasm_frame_instance(copy).is_null());
        wasm_frame_vec_delete(&mut frames);
        assert_eq!(message(ended), "Exception: not today");
        assert_eq!(message(trap(store, "alone")), "alone");
        wasm_instance_delete(instance);
        wasm_extern_vec_delete(&mut exports);
        wasm_func_delete(func);
    });
}

unsafe extern "C" fn call_again(
    env: *mut c_void,
    args: *const wasm_val_vec_t,
    results: *mut wasm_val_vec_t,
) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let inner = *env.cast::<Ptr>();
        wasm_func_call(inner, args, results)
    }
}

#[test]
fn callbacks_call_wasm_again() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let mut inner: Ptr = null_mut();
        let env = core::ptr::from_mut(&mut inner).cast();
        let ty = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
        let func = wasm_func_new_with_env(store, ty, Some(call_again), env, None);
        wasm_functype_delete(ty);
        let text = r#"(module (import "" "" (func $again (param i32) (result i32)))
            (func (export "sum") (param $n i32) (result i32)
                (if (result i32) (i32.eqz (local.get $n))
                    (then (i32.const 0))
                    (else (i32.add (local.get $n)
                        (call $again (i32.sub (local.get $n) (i32.const 1))))))))"#;
        let mut exports = exports(store, text, &mut [func]);
        inner = exports.as_slice()[0];
        assert_eq!(call(inner, &[20]), Ok(vec![210]));
        wasm_func_delete(func);
        wasm_extern_vec_delete(&mut exports);
    });
}

#[test]
fn foreign_objects_come_back_as_themselves() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let text = r#"(module (func (export "f") (param externref) (result externref) (local.get 0))
            (func (export "g") (param anyref) (result anyref) (local.get 0)))"#;
        let mut exports = exports(store, text, &mut []);
        let foreign = wasm_foreign_new(store);
        for &func in exports.as_slice() {
            let mut args = [wasm_val_t::reference(WASM_EXTERNREF, wasm_foreign_as_ref(foreign))];
            let mut results = [wasm_val_t::i32(0)];
            let trap = wasm_func_call(func, &over(&mut args), &mut over(&mut results));
            assert!(trap.is_null());
            let back = wasm_ref_as_foreign(results[0].handle());
            assert!(wasm_foreign_same(back, foreign) && back != foreign);
            wasm_val_delete(&mut results[0]);
        }
        wasm_foreign_delete(foreign);
        wasm_extern_vec_delete(&mut exports);
    });
}
