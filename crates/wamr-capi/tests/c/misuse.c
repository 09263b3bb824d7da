/* Wrong use, which is answered: null, what was deleted, what is of another kind or another store,
 * values that do not fit, another thread. */
#include <pthread.h>

#include "check.h"

static wasm_store_t *store;
static wasm_func_t *add, *sink;

static wasm_trap_t *
wrong_result(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args;
    wasm_val_t value = WASM_F64_VAL(1.5);
    results->data[0] = value;
    return (wasm_trap_t *)env;
}

static void *
call_from_another_thread(void *unused)
{
    (void)unused;
    wasm_val_t vals[2] = { WASM_I32_VAL(1), WASM_I32_VAL(2) }, room[1] = { WASM_INIT_VAL };
    wasm_val_vec_t args = WASM_ARRAY_VEC(vals), results = WASM_ARRAY_VEC(room);
    CHECK(trap_says(wasm_func_call(add, &args, &results), "another thread"));
    CHECK(wasm_foreign_new(store) == NULL);
    CHECK(wasm_func_type(add) == NULL && wasm_func_param_arity(add) == 0);
    return NULL;
}

static wasm_trap_t *
spawn(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args, (void)results;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, call_from_another_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return NULL;
}

static wasm_trap_t *
refuse(const wasm_func_t *func, wasm_val_t *args, size_t arg_count, size_t room_count)
{
    wasm_val_t room[2] = { WASM_I32_VAL(77), WASM_I32_VAL(77) };
    wasm_val_vec_t from = { arg_count, args, arg_count, sizeof *args, NULL };
    wasm_val_vec_t to = { room_count, room, room_count, sizeof *room, NULL };
    wasm_trap_t *trap = wasm_func_call(func, &from, &to);
    CHECK(trap != NULL && room[0].of.i32 == 77);
    return trap;
}

int
main(void)
{
    /* Null is answered by everything. */
    wasm_engine_delete(NULL);
    wasm_store_delete(NULL);
    wasm_func_delete(NULL);
    wasm_ref_delete(NULL);
    wasm_valtype_delete(NULL);
    wasm_extern_vec_delete(NULL);
    wasm_val_delete(NULL);
    CHECK(wasm_store_new(NULL) == NULL && wasm_engine_new_with_config(NULL) != NULL);
    wasm_engine_t *engine = wasm_engine_new();
    store = wasm_store_new(engine);
    CHECK(wasm_module_new(store, NULL) == NULL && wasm_module_new(NULL, NULL) == NULL);
    wasm_message_t error;
    wasm_last_error(&error);
    CHECK(strcmp(error.data, "expected a store, got NULL") == 0);
    wasm_byte_vec_delete(&error);
    CHECK(!wasm_module_validate(store, NULL) && wasm_module_share(NULL) == NULL);
    CHECK(wasm_func_new(store, NULL, NULL) == NULL && wasm_global_new(store, NULL, NULL) == NULL);
    CHECK(wasm_table_new(store, NULL, NULL) == NULL && wasm_memory_new(store, NULL) == NULL);
    CHECK(wasm_functype_new_1_0(NULL) == NULL && wasm_globaltype_new(NULL, WASM_VAR) == NULL);
    CHECK(wasm_tabletype_new(wasm_valtype_new_i32(), NULL) == NULL);
    CHECK(wasm_memorytype_new(NULL) == NULL && wasm_valtype_new(77) == NULL);
    CHECK(wasm_importtype_new(NULL, NULL, NULL) == NULL && wasm_exporttype_new(NULL, NULL) == NULL);
    CHECK(wasm_func_call(NULL, NULL, NULL) != NULL);
    CHECK(wasm_memory_data(NULL) == NULL && wasm_memory_size(NULL) == 0);
    CHECK(!wasm_memory_grow(NULL, 1) && !wasm_table_grow(NULL, 1, NULL));
    CHECK(wasm_func_copy(NULL) == NULL && wasm_func_as_ref(NULL) == NULL);
    CHECK(wasm_ref_get_host_info(NULL) == NULL && wasm_ref_same(NULL, NULL));
    CHECK(wasm_extern_type(NULL) == NULL && wasm_functype_params(NULL) == NULL);
    wasm_extern_vec_t exports = WASM_EMPTY_VEC;
    wasm_instance_exports(NULL, &exports);
    wasm_instance_exports(NULL, NULL);
    wasm_trap_message(NULL, NULL);
    wasm_val_t value;
    wasm_global_get(NULL, &value);
    CHECK(value.kind == WASM_EXTERNREF && value.of.ref == NULL);

    /* Calls with too few values, too little room, and values of other kinds. */
    wasm_instance_t *instance = instantiate(store, "vector.wasm", NULL, 0);
    wasm_instance_exports(instance, &exports);
    add = wasm_extern_as_func(exports.data[2]);
    wasm_val_t good[2] = { WASM_I32_VAL(1), WASM_I32_VAL(2) };
    wasm_val_t bad[2] = { WASM_I32_VAL(1), WASM_I64_VAL(2) };
    wasm_val_t null[2] = { WASM_I32_VAL(1), WASM_INIT_VAL };
    CHECK(trap_says(refuse(add, good, 1, 1), "1 arguments"));
    CHECK(trap_says(refuse(add, good, 2, 0), "room for 0 results"));
    CHECK(trap_says(refuse(add, bad, 2, 1), "i32"));
    CHECK(trap_says(refuse(add, null, 2, 1), "i32"));
    CHECK(trap_says(wasm_func_call(add, NULL, NULL), "0 arguments"));
    /* Vectors of 128 bits do not fit. */
    CHECK(trap_says(refuse(wasm_extern_as_func(exports.data[0]), good, 1, 0), "vector"));
    CHECK(trap_says(refuse(wasm_extern_as_func(exports.data[1]), good, 0, 1), "vector"));

    /* Things of other kinds. */
    CHECK(wasm_extern_as_memory(exports.data[0]) == NULL);
    CHECK(wasm_func_call((wasm_func_t *)instance, NULL, NULL) != NULL);
    CHECK(wasm_store_new((wasm_engine_t *)store) == NULL);
    CHECK(wasm_memory_data((wasm_memory_t *)add) == NULL);
    wasm_store_delete((wasm_store_t *)add);
    wasm_module_delete((wasm_module_t *)instance);
    uint64_t not_a_handle[8] = { 0 };
    CHECK(wasm_func_type((wasm_func_t *)not_a_handle) == NULL);
    wasm_func_delete((wasm_func_t *)not_a_handle);
    wasm_ref_set_host_info((wasm_ref_t *)engine, &value);

    /* Things that were deleted, also a second time. */
    wasm_foreign_t *foreign = wasm_foreign_new(store);
    wasm_foreign_delete(foreign);
    wasm_foreign_delete(foreign);
    CHECK(wasm_foreign_copy(foreign) == NULL && wasm_foreign_get_host_info(foreign) == NULL);
    wasm_functype_t *type = wasm_functype_new_0_1(wasm_valtype_new_i32());
    wasm_func_t *func = wasm_func_new_with_env(store, type, wrong_result, NULL, NULL);
    CHECK(trap_says(refuse(func, NULL, 0, 1), "i32"));
    wasm_func_t *lying = wasm_func_new_with_env(store, type, wrong_result, store, NULL);
    wasm_functype_delete(type);
    wasm_functype_delete(type);
    CHECK(wasm_func_new_with_env(store, type, wrong_result, NULL, NULL) == NULL);
    wasm_func_delete(func);
    CHECK(trap_says(wasm_func_call(func, NULL, NULL), "deleted"));
    wasm_extern_t *gone[] = { wasm_func_as_extern(lying) };
    CHECK(gone[0] != NULL);
    wasm_func_delete(lying);
    wasm_extern_vec_t imports = WASM_ARRAY_VEC(gone);
    wasm_module_t *module = load(store, "hello.wasm");
    wasm_trap_t *trap = NULL;
    CHECK(wasm_instance_new(store, module, &imports, &trap) == NULL);
    CHECK(trap_says(trap, "deleted"));
    CHECK(wasm_instance_new(store, module, NULL, NULL) == NULL);
    wasm_module_delete(module);
    CHECK(wasm_instance_new(store, module, NULL, &trap) == NULL && trap_says(trap, "deleted"));

    /* Entities of another store, modules of another engine. */
    wasm_store_t *other = wasm_store_new(engine);
    wasm_engine_t *other_engine = wasm_engine_new();
    wasm_store_t *foreign_store = wasm_store_new(other_engine);
    wasm_limits_t limits = { 1, 4 };
    wasm_memorytype_t *memory_type = wasm_memorytype_new(&limits);
    wasm_memory_t *memory = wasm_memory_new(other, memory_type);
    wasm_memorytype_delete(memory_type);
    wasm_extern_t *externs[] = { wasm_memory_as_extern(memory) };
    imports.data = externs;
    module = load(store, "memory_import.wasm");
    CHECK(wasm_instance_new(store, module, &imports, &trap) == NULL);
    CHECK(trap_says(trap, "another store"));
    CHECK(wasm_instance_new(foreign_store, module, &imports, &trap) == NULL);
    CHECK(trap_says(trap, "another"));
    wasm_instance_t *of_other = wasm_instance_new(other, module, &imports, &trap);
    CHECK(of_other != NULL);
    wasm_instance_t *table = instantiate(store, "table.wasm", NULL, 0);
    wasm_extern_vec_t of_table;
    wasm_instance_exports(table, &of_table);
    type = wasm_functype_new_0_0();
    func = wasm_func_new(other, type, spawn);
    CHECK(!wasm_table_set(wasm_extern_as_table(of_table.data[0]), 0, wasm_func_as_ref(func)));
    CHECK(!wasm_table_grow(wasm_extern_as_table(of_table.data[0]), 1, wasm_func_as_ref(func)));
    wasm_func_delete(func);

    /* Another thread, while this one is inside of the store. */
    sink = wasm_func_new(store, type, spawn);
    wasm_functype_delete(type);
    call(sink, NULL, 0, NULL, 0);
    wasm_func_delete(sink);

    /* A callback that returns no trap but something else. */
    type = wasm_functype_new_0_1(wasm_valtype_new_i32());
    foreign = wasm_foreign_new(store);
    func = wasm_func_new_with_env(store, type, wrong_result, foreign, NULL);
    CHECK(trap_says(refuse(func, NULL, 0, 1), "something else than a trap"));
    wasm_functype_delete(type);
    wasm_func_delete(func);

    wasm_extern_vec_delete(&of_table);
    wasm_extern_vec_delete(&of_table);
    wasm_instance_delete(table);
    wasm_instance_delete(of_other);
    wasm_module_delete(module);
    wasm_memory_delete(memory);
    wasm_store_delete(foreign_store);
    wasm_engine_delete(other_engine);
    wasm_store_delete(other);
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_store_delete(store);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    wasm_engine_delete(engine);
    return 0;
}
