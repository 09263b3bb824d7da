/* Tables: functions of wasm and of the host in them, growth, imports. */
#include "check.h"

static wasm_trap_t *
add_hundred(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    results->data[0].of.i32 = args->data[0].of.i32 + 100;
    return NULL;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_instance_t *instance = instantiate(store, "table.wasm", NULL, 0);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_table_t *table = wasm_extern_as_table(exports.data[0]);
    wasm_func_t *call_func = wasm_extern_as_func(exports.data[1]);
    wasm_func_t *identity = wasm_extern_as_func(exports.data[2]);
    wasm_func_t *negate = wasm_extern_as_func(exports.data[3]);

    wasm_functype_t *unary = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
    wasm_func_t *host = wasm_func_new(store, unary, add_hundred);
    wasm_functype_delete(unary);

    CHECK(wasm_table_size(table) == 2 && wasm_table_get(table, 0) == NULL);
    wasm_ref_t *element = wasm_table_get(table, 1);
    CHECK(element != NULL && wasm_func_same(wasm_ref_as_func(element), identity));
    wasm_ref_delete(element);
    CHECK(wasm_table_get(table, 2) == NULL);

    CHECK(wasm_table_set(table, 0, wasm_func_as_ref(negate)));
    CHECK(call_i32(&exports, 1, 5, 0, 2) == -5 && call_i32(&exports, 1, 5, 1, 2) == 5);
    CHECK(wasm_table_set(table, 1, NULL));
    wasm_val_t vals[2] = { WASM_I32_VAL(5), WASM_I32_VAL(1) }, room[1] = { WASM_INIT_VAL };
    wasm_val_vec_t args = WASM_ARRAY_VEC(vals), results = WASM_ARRAY_VEC(room);
    CHECK(trap_says(wasm_func_call(call_func, &args, &results), "uninitialized element"));

    CHECK(!wasm_table_set(table, 2, wasm_func_as_ref(host)));
    CHECK(wasm_table_grow(table, 3, wasm_func_as_ref(host)) && wasm_table_size(table) == 5);
    CHECK(call_i32(&exports, 1, 5, 4, 2) == 105);
    CHECK(!wasm_table_grow(table, 6, NULL) && wasm_table_size(table) == 5);
    CHECK(wasm_table_grow(table, 5, NULL) && wasm_table_get(table, 9) == NULL);

    /* The same table in two more instances, which it calls functions of. */
    wasm_extern_t *externs[] = { wasm_table_as_extern(table) };
    wasm_instance_t *other = instantiate(store, "table_import.wasm", externs, 1);
    wasm_extern_vec_t of_other;
    wasm_instance_exports(other, &of_other);
    CHECK(call_i32(&of_other, 0, 0, 0, 0) == 10);
    CHECK(call_i32(&exports, 1, 21, 0, 2) == 42 && call_i32(&of_other, 1, 1, 2, 2) == 101);
    wasm_instance_delete(other);
    wasm_extern_vec_delete(&of_other);
    CHECK(call_i32(&exports, 1, 21, 0, 2) == 42);

    /* A table of the host. */
    wasm_limits_t limits = { 2, 10 };
    wasm_tabletype_t *type = wasm_tabletype_new(wasm_valtype_new_funcref(), &limits);
    wasm_table_t *own = wasm_table_new(store, type, wasm_func_as_ref(negate));
    wasm_tabletype_delete(type);
    CHECK(own != NULL && wasm_table_size(own) == 2);
    externs[0] = wasm_table_as_extern(own);
    other = instantiate(store, "table_import.wasm", externs, 1);
    wasm_instance_exports(other, &of_other);
    CHECK(call_i32(&of_other, 1, 4, 0, 2) == 8 && call_i32(&of_other, 1, 4, 1, 2) == -4);
    CHECK(wasm_table_grow(own, 1, wasm_func_as_ref(host)));
    CHECK(call_i32(&of_other, 0, 0, 0, 0) == 3 && call_i32(&of_other, 1, 4, 2, 2) == 104);
    type = wasm_table_type(own);
    CHECK(wasm_valtype_kind(wasm_tabletype_element(type)) == WASM_FUNCREF);
    CHECK(wasm_tabletype_limits(type)->min == 3 && wasm_tabletype_limits(type)->max == 10);
    wasm_tabletype_delete(type);

    wasm_table_delete(own);
    wasm_func_delete(host);
    wasm_instance_delete(other);
    wasm_instance_delete(instance);
    wasm_extern_vec_delete(&of_other);
    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
