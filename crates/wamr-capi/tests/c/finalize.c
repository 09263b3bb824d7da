/* What is attached to objects is found through every handle, and finalized once. */
#include "check.h"

enum { ROUNDS = 1000 };

static int live;

static void
finalize(void *data)
{
    CHECK(data != NULL);
    live--;
}

static wasm_trap_t *
nothing(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)env, (void)args, (void)results;
    return NULL;
}

static void
attach(wasm_ref_t *ref)
{
    wasm_ref_set_host_info_with_finalizer(ref, &live, finalize);
    live++;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_module_t *module = load(store, "finalize.wasm");
    wasm_extern_vec_t imports = WASM_EMPTY_VEC;

    /* Found through other handles, also through those that did not exist. */
    wasm_instance_t *instance = wasm_instance_new(store, module, &imports, NULL);
    wasm_extern_vec_t exports, again;
    wasm_instance_exports(instance, &exports);
    attach(wasm_extern_as_ref(exports.data[0]));
    wasm_func_set_host_info(wasm_extern_as_func(exports.data[1]), &store);
    wasm_extern_vec_delete(&exports);
    wasm_instance_exports(instance, &again);
    CHECK(wasm_extern_get_host_info(again.data[0]) == &live);
    CHECK(wasm_extern_get_host_info(again.data[1]) == &store);
    CHECK(wasm_memory_get_host_info(wasm_extern_as_memory(again.data[2])) == NULL);
    /* Something new in its place finalizes the old. */
    attach(wasm_extern_as_ref(again.data[0]));
    CHECK(live == 1);
    wasm_func_set_host_info(wasm_extern_as_func(again.data[0]), NULL);
    CHECK(live == 0);
    attach(wasm_extern_as_ref(again.data[2]));
    wasm_extern_vec_delete(&again);
    wasm_instance_delete(instance);

    /* Most of what is not needed any more is finalized meanwhile. */
    wasm_functype_t *type = wasm_functype_new_0_0();
    for (int i = 0; i < ROUNDS; i++) {
        instance = wasm_instance_new(store, module, &imports, NULL);
        attach(wasm_instance_as_ref(instance));
        wasm_instance_delete(instance);
        wasm_func_delete(wasm_func_new_with_env(store, type, nothing, &live, finalize));
        live++;
        wasm_foreign_t *foreign = wasm_foreign_new(store);
        attach(wasm_foreign_as_ref(foreign));
        wasm_foreign_delete(foreign);
    }
    wasm_functype_delete(type);
    printf("live: %d\n", live);
    CHECK(live < 2 * ROUNDS);

    /* A module and a trap are finalized with their last handle. */
    wasm_module_t *copy = wasm_module_copy(module);
    int before = live;
    wasm_module_set_host_info_with_finalizer(module, &live, finalize);
    live++;
    CHECK(wasm_module_get_host_info(copy) == &live);
    wasm_module_delete(module);
    wasm_module_delete(copy);
    /* Instances that are not reclaimed yet still have it. */
    CHECK(live == before + 1 || live == before);
    wasm_trap_t *trap = wasm_trap_new(store, NULL);
    before = live;
    attach(wasm_trap_as_ref(trap));
    wasm_trap_delete(trap);
    CHECK(live == before);

    /* The rest goes with the store, that is with the last handle to it. */
    wasm_foreign_t *last = wasm_foreign_new(store);
    attach(wasm_foreign_as_ref(last));
    wasm_store_delete(store);
    CHECK(live > 0);
    wasm_foreign_delete(last);
    CHECK(live == 0);
    wasm_engine_delete(engine);
    return 0;
}
