/* Memories: exported, made by the host, imported by two instances, grown from either side. */
#include "check.h"

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);

    wasm_instance_t *instance = instantiate(store, "memory.wasm", NULL, 0);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_memory_t *memory = wasm_extern_as_memory(exports.data[0]);
    CHECK(memory != NULL && wasm_memory_size(memory) == 1);
    CHECK(wasm_memory_data_size(memory) == MEMORY_PAGE_SIZE);
    CHECK(wasm_memory_data(memory)[0x1001] == 2);
    wasm_memory_data(memory)[0x1001] = 42;
    CHECK(call_i32(&exports, 3, 0x1001, 0, 1) == 42);
    call_i32(&exports, 4, 7, 200, 2);
    CHECK((unsigned char)wasm_memory_data(memory)[7] == 200);

    /* Grown by the host, seen by wasm; and the other way round. */
    CHECK(wasm_memory_grow(memory, 1) && call_i32(&exports, 1, 0, 0, 0) == 2);
    CHECK(call_i32(&exports, 2, 2, 0, 1) == 2 && wasm_memory_size(memory) == 4);
    CHECK(!wasm_memory_grow(memory, 1) && wasm_memory_size(memory) == 4);
    wasm_memory_data(memory)[3 * MEMORY_PAGE_SIZE] = 9;
    CHECK(call_i32(&exports, 3, 3 * 0x10000, 0, 1) == 9);
    wasm_val_t beyond[1] = { WASM_I32_VAL(4 * 0x10000) }, room[1] = { WASM_INIT_VAL };
    wasm_val_vec_t args = WASM_ARRAY_VEC(beyond), results = WASM_ARRAY_VEC(room);
    CHECK(trap_says(wasm_func_call(wasm_extern_as_func(exports.data[3]), &args, &results),
                    "out of bounds memory access"));

    /* A memory of the host, shared by two instances. */
    wasm_limits_t limits = { 1, 3 };
    wasm_memorytype_t *type = wasm_memorytype_new(&limits);
    wasm_memory_t *own = wasm_memory_new(store, type);
    wasm_memorytype_delete(type);
    wasm_extern_t *externs[] = { wasm_memory_as_extern(own) };
    wasm_instance_t *a = instantiate(store, "memory_import.wasm", externs, 1);
    wasm_instance_t *b = instantiate(store, "memory_import.wasm", externs, 1);
    wasm_extern_vec_t of_a, of_b;
    wasm_instance_exports(a, &of_a);
    wasm_instance_exports(b, &of_b);
    call_i32(&of_a, 2, 100, 55, 2);
    CHECK(call_i32(&of_b, 1, 100, 0, 1) == 55 && wasm_memory_data(own)[100] == 55);
    CHECK(wasm_memory_grow(own, 2));
    CHECK(call_i32(&of_a, 0, 0, 0, 0) == 3 && call_i32(&of_b, 0, 0, 0, 0) == 3);
    call_i32(&of_b, 2, 0x2ffff, 1, 2);
    CHECK(call_i32(&of_a, 1, 0x2ffff, 0, 1) == 1);
    CHECK(wasm_extern_same(of_a.data[3], externs[0]));
    CHECK(wasm_extern_same(of_a.data[3], of_b.data[3]));
    CHECK(!wasm_extern_same(of_a.data[3], exports.data[0]));

    type = wasm_memory_type(own);
    CHECK(wasm_memorytype_limits(type)->min == 3 && wasm_memorytype_limits(type)->max == 3);
    wasm_memorytype_delete(type);
    wasm_memory_t *copy = wasm_memory_copy(own);
    CHECK(wasm_memory_same(own, copy) && wasm_memory_same(own, wasm_extern_as_memory(of_b.data[3])));
    wasm_memory_delete(copy);

    wasm_memory_delete(own);
    wasm_instance_delete(a);
    wasm_instance_delete(b);
    wasm_instance_delete(instance);
    wasm_extern_vec_delete(&of_a);
    wasm_extern_vec_delete(&of_b);
    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
