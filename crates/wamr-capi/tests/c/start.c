/* Instances that do not come to be: a start function that traps, imports that do not fit. */
#include "check.h"

static wasm_instance_t *
attempt(wasm_store_t *store, const char *name, wasm_extern_t **externs, size_t count,
        wasm_trap_t **trap)
{
    wasm_module_t *module = load(store, name);
    wasm_extern_vec_t imports = { count, externs, count, sizeof *externs, NULL };
    *trap = NULL;
    wasm_instance_t *instance = wasm_instance_new(store, module, &imports, trap);
    wasm_module_delete(module);
    return instance;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_trap_t *trap;
    CHECK(attempt(store, "start.wasm", NULL, 0, &trap) == NULL);
    wasm_frame_t *origin = wasm_trap_origin(trap);
    CHECK(origin != NULL && wasm_frame_func_index(origin) == 0);
    wasm_frame_delete(origin);
    CHECK(trap_says(trap, "unreachable"));

    /* Every import is named that nobody has. */
    CHECK(attempt(store, "callback.wasm", NULL, 0, &trap) == NULL);
    wasm_trap_t *copy = wasm_trap_copy(trap);
    CHECK(trap_says(trap, "twice") && trap_says(copy, "counter"));

    /* A memory in place of a table, and one that is too small. */
    wasm_limits_t limits = { 0, 4 };
    wasm_memorytype_t *type = wasm_memorytype_new(&limits);
    wasm_memory_t *memory = wasm_memory_new(store, type);
    wasm_memorytype_delete(type);
    wasm_extern_t *externs[] = { wasm_memory_as_extern(memory) };
    CHECK(attempt(store, "table_import.wasm", externs, 1, &trap) == NULL);
    CHECK(trap_says(trap, "table"));
    CHECK(attempt(store, "memory_import.wasm", externs, 1, &trap) == NULL);
    CHECK(trap_says(trap, "memory"));
    CHECK(wasm_memory_grow(memory, 1));
    wasm_instance_t *instance = attempt(store, "memory_import.wasm", externs, 1, &trap);
    CHECK(instance != NULL && trap == NULL);

    wasm_instance_delete(instance);
    wasm_memory_delete(memory);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
