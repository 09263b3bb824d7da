/* Several results, of the host and of wasm. */
#include "check.h"

static wasm_trap_t *
turn(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    CHECK(args->size == 5 && results->size == 5);
    for (size_t i = 0; i < 5; i++) {
        wasm_val_copy(&results->data[i], &args->data[i == 1 ? 3 : i == 3 ? 1 : i]);
    }
    return NULL;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_valkind_t from[] = { WASM_I32, WASM_I64, WASM_F32, WASM_F64, WASM_I32 };
    wasm_valkind_t to[] = { WASM_I32, WASM_F64, WASM_F32, WASM_I64, WASM_I32 };
    wasm_valtype_t *param_types[5], *result_types[5];
    for (size_t i = 0; i < 5; i++) {
        param_types[i] = wasm_valtype_new(from[i]);
        result_types[i] = wasm_valtype_new(to[i]);
    }
    wasm_valtype_vec_t params, results;
    wasm_valtype_vec_new(&params, 5, param_types);
    wasm_valtype_vec_new(&results, 5, result_types);
    wasm_functype_t *type = wasm_functype_new(&params, &results);
    wasm_func_t *func = wasm_func_new(store, type, turn);
    wasm_functype_delete(type);

    wasm_extern_t *externs[] = { wasm_func_as_extern(func) };
    wasm_instance_t *instance = instantiate(store, "multi.wasm", externs, 1);
    wasm_func_delete(func);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_instance_delete(instance);

    wasm_val_t args[5] = { WASM_I32_VAL(1), WASM_I64_VAL(2), WASM_F32_VAL(3), WASM_F64_VAL(4),
                           WASM_I32_VAL(5) };
    wasm_val_t out[5] = { WASM_INIT_VAL, WASM_INIT_VAL, WASM_INIT_VAL, WASM_INIT_VAL,
                          WASM_INIT_VAL };
    call(wasm_extern_as_func(exports.data[0]), args, 5, out, 5);
    CHECK(out[0].of.i32 == 1 && out[1].of.f64 == 4 && out[2].of.f32 == 3);
    CHECK(out[3].kind == WASM_I64 && out[3].of.i64 == 2 && out[4].of.i32 == 5);

    wasm_val_t arg[1] = { WASM_I32_VAL(0) }, many[10];
    call(wasm_extern_as_func(exports.data[1]), arg, 1, many, 10);
    for (int i = 0; i < 10; i++) {
        CHECK(many[i].kind == WASM_I32 && many[i].of.i32 == i);
    }

    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
