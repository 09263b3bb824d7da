/* Tags of the host, and exceptions that pass through it. */
#include "check.h"

static const wasm_func_t *thrower;

/* Has wasm throw, and lets what it threw pass. */
static wasm_trap_t *
risky(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)results;
    if (args->data[0].of.i32 == 0) {
        return NULL;
    }
    wasm_val_vec_t none = WASM_EMPTY_VEC;
    return wasm_func_call(thrower, args, &none);
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_tagtype_t *tag_type = wasm_tagtype_new(wasm_functype_new_1_0(wasm_valtype_new_i32()));
    wasm_tag_t *tag = wasm_tag_new(store, tag_type);
    wasm_tagtype_delete(tag_type);
    wasm_functype_t *type = wasm_functype_new_1_0(wasm_valtype_new_i32());
    wasm_func_t *func = wasm_func_new(store, type, risky);
    wasm_functype_delete(type);
    wasm_extern_t *externs[] = { wasm_tag_as_extern(tag), wasm_func_as_extern(func) };
    wasm_instance_t *instance = instantiate(store, "tags.wasm", externs, 2);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    thrower = wasm_extern_as_func(exports.data[0]);

    CHECK(call_i32(&exports, 1, 0, 0, 1) == -1);
    CHECK(call_i32(&exports, 1, 7, 0, 1) == 7);
    CHECK(wasm_tag_same(wasm_extern_as_tag(exports.data[2]), tag));
    tag_type = wasm_tag_type(tag);
    CHECK(wasm_functype_params(wasm_tagtype_functype(tag_type))->size == 1);
    wasm_tagtype_delete(tag_type);

    wasm_val_t vals[1] = { WASM_I32_VAL(3) };
    wasm_val_vec_t args = WASM_ARRAY_VEC(vals), none = WASM_EMPTY_VEC;
    CHECK(trap_says(wasm_func_call(thrower, &args, &none), "exception"));

    wasm_tag_delete(tag);
    wasm_func_delete(func);
    wasm_instance_delete(instance);
    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
