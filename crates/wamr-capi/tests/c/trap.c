/* Traps of wasm and of the host, and the frames that they passed through. */
#include "check.h"

static wasm_trap_t *
fail(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args, (void)results;
    wasm_name_t message;
    wasm_name_new_from_string_nt(&message, "the host says no");
    wasm_trap_t *trap = wasm_trap_new((wasm_store_t *)env, &message);
    wasm_name_delete(&message);
    /* It has the frames that called. */
    wasm_frame_vec_t live;
    wasm_trap_trace(trap, &live);
    CHECK(live.size == 2);
    CHECK(wasm_frame_func_index(live.data[0]) == 1 && wasm_frame_func_index(live.data[1]) == 2);
    CHECK(wasm_frame_module_offset(live.data[0]) != 0);
    CHECK(wasm_frame_instance(live.data[0]) != NULL);
    wasm_frame_vec_delete(&live);
    wasm_trap_set_host_info(trap, (void *)&fail);
    return trap;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_functype_t *type = wasm_functype_new_0_1(wasm_valtype_new_i32());
    wasm_func_t *func = wasm_func_new_with_env(store, type, fail, store, NULL);
    wasm_functype_delete(type);
    wasm_extern_t *externs[] = { wasm_func_as_extern(func) };
    wasm_instance_t *instance = instantiate(store, "trap.wasm", externs, 1);
    wasm_func_delete(func);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);

    wasm_val_t room[1] = { WASM_I32_VAL(99) };
    wasm_val_vec_t none = WASM_EMPTY_VEC, results = WASM_ARRAY_VEC(room);

    /* A trap of the host passes through two frames and keeps what is attached to it. */
    wasm_trap_t *trap = wasm_func_call(wasm_extern_as_func(exports.data[0]), &none, &results);
    CHECK(trap != NULL && wasm_trap_get_host_info(trap) == (void *)&fail);
    CHECK(room[0].of.i32 == 99);
    wasm_frame_vec_t trace;
    wasm_trap_trace(trap, &trace);
    CHECK(trace.size == 2);
    CHECK(wasm_frame_func_index(trace.data[0]) == 1 && wasm_frame_func_index(trace.data[1]) == 2);
    wasm_frame_t *origin = wasm_trap_origin(trap);
    CHECK(wasm_frame_func_index(origin) == 1);
    CHECK(wasm_frame_module_offset(origin) == wasm_frame_module_offset(trace.data[0]));
    CHECK(wasm_frame_instance(origin) != NULL);
    CHECK(wasm_instance_same(wasm_frame_instance(origin), instance));
    wasm_frame_t *copy = wasm_frame_copy(origin);
    wasm_frame_delete(origin);
    CHECK(wasm_frame_func_offset(copy) == wasm_frame_func_offset(trace.data[0]));
    wasm_frame_delete(copy);
    wasm_frame_vec_delete(&trace);
    wasm_trap_t *again = wasm_trap_copy(trap);
    CHECK(wasm_trap_same(trap, again));
    CHECK(wasm_ref_as_trap(wasm_trap_as_ref(trap)) == trap);
    wasm_trap_delete(again);
    CHECK(trap_says(trap, "the host says no"));

    /* A trap of wasm. */
    trap = wasm_func_call(wasm_extern_as_func(exports.data[1]), &none, &none);
    origin = wasm_trap_origin(trap);
    CHECK(wasm_frame_func_index(origin) == 3);
    CHECK(wasm_frame_func_offset(origin) < wasm_frame_module_offset(origin));
    wasm_frame_delete(origin);
    CHECK(trap_says(trap, "unreachable"));

    wasm_val_t zero[1] = { WASM_I32_VAL(0) };
    wasm_val_vec_t args = WASM_ARRAY_VEC(zero);
    trap = wasm_func_call(wasm_extern_as_func(exports.data[2]), &args, &results);
    CHECK(trap_says(trap, "divide by zero"));

    /* A trap without frames has no origin. */
    wasm_name_t message;
    wasm_name_new_from_string_nt(&message, "alone");
    trap = wasm_trap_new(store, &message);
    wasm_name_delete(&message);
    CHECK(wasm_trap_origin(trap) == NULL);
    wasm_trap_trace(trap, &trace);
    CHECK(trace.size == 0);
    CHECK(trap_says(trap, "alone"));

    wasm_instance_delete(instance);
    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
