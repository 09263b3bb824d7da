/* Objects of wasm, which the host holds and passes on. */
#include "check.h"

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_instance_t *instance = instantiate(store, "gc.wasm", NULL, 0);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_instance_delete(instance);

    wasm_val_t args[2] = { WASM_I32_VAL(30), WASM_I32_VAL(12) };
    wasm_val_t object[1] = { WASM_INIT_VAL }, sum[1] = { WASM_INIT_VAL };
    call(wasm_extern_as_func(exports.data[0]), args, 2, object, 1);
    CHECK(object[0].kind == WASM_EXTERNREF && object[0].of.ref != NULL);
    for (int i = 0; i < 10000; i++) {
        wasm_val_t garbage[1] = { WASM_INIT_VAL };
        call(wasm_extern_as_func(exports.data[0]), args, 2, garbage, 1);
        CHECK(!wasm_ref_same(garbage[0].of.ref, object[0].of.ref));
        wasm_val_delete(&garbage[0]);
    }
    call(wasm_extern_as_func(exports.data[1]), object, 1, sum, 1);
    CHECK(sum[0].of.i32 == 42);
    wasm_ref_t *copy = wasm_ref_copy(object[0].of.ref);
    CHECK(wasm_ref_same(copy, object[0].of.ref));
    wasm_ref_delete(copy);
    wasm_val_delete(&object[0]);

    /* Null and foreign objects are of `anyref` too, but no points. */
    wasm_foreign_t *foreign = wasm_foreign_new(store);
    wasm_val_t other[1] = { WASM_REF_VAL(wasm_foreign_as_ref(foreign)) };
    wasm_val_vec_t from = WASM_ARRAY_VEC(other), to = WASM_ARRAY_VEC(sum);
    CHECK(trap_says(wasm_func_call(wasm_extern_as_func(exports.data[1]), &from, &to), "cast"));
    other[0].of.ref = NULL;
    CHECK(trap_says(wasm_func_call(wasm_extern_as_func(exports.data[1]), &from, &to), "cast"));
    wasm_foreign_delete(foreign);

    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
