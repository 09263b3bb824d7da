/* Everything may be deleted in any order: what one needs of another it keeps. */
#include "check.h"

static int finalized;

static void
finalize(void *data)
{
    (void)data;
    finalized++;
}

/* Deletes all that the program has, and the store under wasm's feet. */
struct everything {
    wasm_engine_t *engine;
    wasm_store_t *store;
    wasm_instance_t *instance;
    wasm_extern_vec_t exports;
};

static wasm_trap_t *
delete_all(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    struct everything *all = env;
    (void)args, (void)results;
    wasm_engine_delete(all->engine);
    wasm_store_delete(all->store);
    wasm_instance_delete(all->instance);
    wasm_extern_vec_delete(&all->exports);
    CHECK(finalized == 0);
    return NULL;
}

static wasm_trap_t *
forty_two(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args;
    wasm_val_t value = WASM_I64_VAL(42);
    results->data[0] = value;
    return NULL;
}

static wasm_trap_t *
twice(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    results->data[0].of.i32 = 2 * args->data[0].of.i32;
    return NULL;
}

int
main(void)
{
    /* Engine first, then the store, the module, the instance; the function works all along. */
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_engine_delete(engine);
    wasm_functype_t *unary = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
    wasm_functype_t *getter = wasm_functype_new_0_1(wasm_valtype_new_i64());
    wasm_func_t *funcs[] = { wasm_func_new(store, unary, twice),
                             wasm_func_new(store, getter, forty_two) };
    wasm_functype_delete(unary);
    wasm_functype_delete(getter);
    wasm_extern_t *externs[] = { wasm_func_as_extern(funcs[0]), wasm_func_as_extern(funcs[1]) };
    wasm_instance_t *instance = instantiate(store, "callback.wasm", externs, 2);
    wasm_store_delete(store);
    wasm_func_delete(funcs[0]);
    wasm_func_delete(funcs[1]);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_instance_delete(instance);
    wasm_func_t *func = wasm_func_copy(wasm_extern_as_func(exports.data[0]));
    wasm_extern_vec_delete(&exports);
    wasm_val_t args[2] = { WASM_I32_VAL(3), WASM_I32_VAL(4) }, results[1] = { WASM_INIT_VAL };
    call(func, args, 2, results, 1);
    CHECK(results[0].of.i64 == 14 + 42);
    wasm_func_delete(func);

    /* Everything at once, from a callback. */
    struct everything all;
    all.engine = wasm_engine_new();
    all.store = wasm_store_new(all.engine);
    wasm_functype_t *type = wasm_functype_new_0_0();
    func = wasm_func_new_with_env(all.store, type, delete_all, &all, finalize);
    wasm_functype_delete(type);
    externs[0] = wasm_func_as_extern(func);
    all.instance = instantiate(all.store, "hello.wasm", externs, 1);
    wasm_func_delete(func);
    wasm_instance_exports(all.instance, &all.exports);
    call(wasm_extern_as_func(all.exports.data[0]), NULL, 0, NULL, 0);
    CHECK(finalized == 1);
    return 0;
}
