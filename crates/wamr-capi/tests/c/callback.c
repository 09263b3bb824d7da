/* Functions of the host that have an environment, and that call wasm again. */
#include "check.h"

struct counter {
    int64_t count;
    const wasm_func_t *square;
};

static int finalized;

static wasm_trap_t *
twice(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    CHECK(args->size == 1 && args->data[0].kind == WASM_I32 && results->size == 1);
    CHECK(results->data[0].kind == WASM_I32);
    results->data[0].of.i32 = args->data[0].of.i32 * 2;
    return NULL;
}

/* Counts, and adds the square of what it has counted, which wasm computes. */
static wasm_trap_t *
counter(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    struct counter *counter = env;
    CHECK(args->size == 0);
    counter->count++;
    wasm_val_t arg[1] = { WASM_I32_VAL((int32_t)counter->count) }, square[1] = { WASM_INIT_VAL };
    call(counter->square, arg, 1, square, 1);
    wasm_val_t result = WASM_I64_VAL(counter->count + square[0].of.i32);
    results->data[0] = result;
    return NULL;
}

static void
finalize(void *env)
{
    CHECK(((struct counter *)env)->count > 0);
    finalized++;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    struct counter state = { 0, NULL };

    wasm_functype_t *unary = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
    wasm_functype_t *getter = wasm_functype_new_0_1(wasm_valtype_new_i64());
    wasm_func_t *funcs[] = {
        wasm_func_new(store, unary, twice),
        wasm_func_new_with_env(store, getter, counter, &state, finalize),
    };
    wasm_functype_delete(unary);
    wasm_functype_delete(getter);
    CHECK(wasm_func_param_arity(funcs[0]) == 1 && wasm_func_result_arity(funcs[0]) == 1);

    wasm_extern_t *externs[] = { wasm_func_as_extern(funcs[0]), wasm_func_as_extern(funcs[1]) };
    wasm_instance_t *instance = instantiate(store, "callback.wasm", externs, 2);
    wasm_func_delete(funcs[0]);
    wasm_func_delete(funcs[1]);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_instance_delete(instance);
    state.square = wasm_extern_as_func(exports.data[1]);

    for (int i = 1; i <= 3; i++) {
        wasm_val_t args[2] = { WASM_I32_VAL(3), WASM_I32_VAL(4) }, results[1] = { WASM_INIT_VAL };
        call(wasm_extern_as_func(exports.data[0]), args, 2, results, 1);
        CHECK(results[0].kind == WASM_I64 && results[0].of.i64 == 14 + i + i * i);
    }

    wasm_extern_vec_delete(&exports);
    CHECK(finalized == 0);
    wasm_store_delete(store);
    CHECK(finalized == 1);
    wasm_engine_delete(engine);
    return 0;
}
