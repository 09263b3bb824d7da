/* Globals: of wasm and of the host, constant and mutable, shared by instances. */
#include "check.h"

static wasm_global_t *
new_global(wasm_store_t *store, wasm_valkind_t kind, wasm_mutability_t mutability,
           const wasm_val_t *value)
{
    wasm_globaltype_t *type = wasm_globaltype_new(wasm_valtype_new(kind), mutability);
    wasm_global_t *global = wasm_global_new(store, type, value);
    wasm_globaltype_delete(type);
    return global;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_val_t half = WASM_F32_VAL(0.5f), ten = WASM_I64_VAL(10), value;
    wasm_global_t *fixed = new_global(store, WASM_F32, WASM_CONST, &half);
    wasm_global_t *counter = new_global(store, WASM_I64, WASM_VAR, &ten);
    CHECK(new_global(store, WASM_I64, WASM_VAR, &half) == NULL);

    wasm_extern_t *externs[] = { wasm_global_as_extern(fixed), wasm_global_as_extern(counter) };
    wasm_instance_t *a = instantiate(store, "global.wasm", externs, 2);
    wasm_instance_t *b = instantiate(store, "global.wasm", externs, 2);
    wasm_extern_vec_t of_a, of_b;
    wasm_instance_exports(a, &of_a);
    wasm_instance_exports(b, &of_b);
    wasm_instance_delete(a);
    wasm_instance_delete(b);

    wasm_val_t results[1] = { WASM_INIT_VAL };
    call(wasm_extern_as_func(of_a.data[2]), NULL, 0, results, 1);
    CHECK(results[0].kind == WASM_F32 && results[0].of.f32 == 0.5f);
    call(wasm_extern_as_func(of_a.data[3]), NULL, 0, results, 1);
    call(wasm_extern_as_func(of_b.data[3]), NULL, 0, results, 1);
    CHECK(results[0].of.i64 == 12);
    wasm_global_get(counter, &value);
    CHECK(value.kind == WASM_I64 && value.of.i64 == 12);
    wasm_val_t fifty = WASM_I64_VAL(50);
    wasm_global_set(counter, &fifty);
    call(wasm_extern_as_func(of_b.data[3]), NULL, 0, results, 1);
    CHECK(results[0].of.i64 == 51);
    CHECK(wasm_global_same(wasm_extern_as_global(of_a.data[4]), counter));
    CHECK(wasm_global_same(wasm_extern_as_global(of_a.data[4]), wasm_extern_as_global(of_b.data[4])));

    /* Each instance has its own of what it defines. */
    wasm_global_t *own = wasm_extern_as_global(of_a.data[0]);
    wasm_val_t third = WASM_F64_VAL(3.25);
    wasm_global_set(own, &third);
    wasm_global_get(own, &value);
    CHECK(value.kind == WASM_F64 && value.of.f64 == 3.25);
    wasm_global_get(wasm_extern_as_global(of_b.data[0]), &value);
    CHECK(value.of.f64 == 2.5);

    /* Constants stay what they are, and so does what does not fit. */
    wasm_val_t one = WASM_F32_VAL(1.0f);
    wasm_global_set(fixed, &one);
    wasm_global_get(fixed, &value);
    CHECK(value.of.f32 == 0.5f);
    wasm_global_set(own, &one);
    wasm_global_get(own, &value);
    CHECK(value.kind == WASM_F64 && value.of.f64 == 3.25);

    wasm_globaltype_t *type = wasm_global_type(counter);
    CHECK(wasm_valtype_kind(wasm_globaltype_content(type)) == WASM_I64);
    CHECK(wasm_globaltype_mutability(type) == WASM_VAR);
    wasm_globaltype_delete(type);

    wasm_global_delete(fixed);
    wasm_global_delete(counter);
    wasm_extern_vec_delete(&of_a);
    wasm_extern_vec_delete(&of_b);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
