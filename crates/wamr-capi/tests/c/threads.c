/* Threads with stores of their own, and one module. */
#include <pthread.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 20 };

struct work {
    wasm_engine_t *engine;
    wasm_shared_module_t *module;
    int id;
    int reports;
};

static wasm_trap_t *
report(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    struct work *work = env;
    CHECK(results->size == 0 && args->data[0].of.i32 == work->id);
    work->reports++;
    return NULL;
}

static void *
run(void *argument)
{
    struct work *work = argument;
    wasm_store_t *store = wasm_store_new(work->engine);
    wasm_module_t *module = wasm_module_obtain(store, work->module);
    CHECK(module != NULL);
    for (int i = 0; i < ROUNDS; i++) {
        wasm_functype_t *type = wasm_functype_new_1_0(wasm_valtype_new_i32());
        wasm_func_t *func = wasm_func_new_with_env(store, type, report, work, NULL);
        wasm_functype_delete(type);
        wasm_val_t id = WASM_I32_VAL(work->id);
        wasm_globaltype_t *global_type = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_CONST);
        wasm_global_t *global = wasm_global_new(store, global_type, &id);
        wasm_globaltype_delete(global_type);
        wasm_extern_t *externs[] = { wasm_func_as_extern(func), wasm_global_as_extern(global) };
        wasm_extern_vec_t imports = WASM_ARRAY_VEC(externs), exports;
        wasm_instance_t *instance = wasm_instance_new(store, module, &imports, NULL);
        CHECK(instance != NULL);
        wasm_func_delete(func);
        wasm_global_delete(global);
        wasm_instance_exports(instance, &exports);
        wasm_instance_delete(instance);
        call(wasm_extern_as_func(exports.data[0]), NULL, 0, NULL, 0);
        wasm_extern_vec_delete(&exports);
    }
    wasm_module_delete(module);
    wasm_store_delete(store);
    return NULL;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_module_t *module = load(store, "threads.wasm");
    wasm_shared_module_t *shared = wasm_module_share(module);
    wasm_module_delete(module);
    wasm_store_delete(store);

    pthread_t threads[THREADS];
    struct work work[THREADS];
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){ engine, shared, i, 0 };
        CHECK(pthread_create(&threads[i], NULL, run, &work[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0 && work[i].reports == ROUNDS);
    }

    /* What another engine shared is of no use here. */
    wasm_engine_t *other = wasm_engine_new();
    store = wasm_store_new(other);
    CHECK(wasm_module_obtain(store, shared) == NULL);
    wasm_store_delete(store);
    wasm_engine_delete(other);

    wasm_shared_module_delete(shared);
    wasm_engine_delete(engine);
    return 0;
}
