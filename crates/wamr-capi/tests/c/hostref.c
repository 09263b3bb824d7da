/* References: foreign objects, functions and others, through wasm and back. */
#include "check.h"

static wasm_trap_t *
pass(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    wasm_val_copy(&results->data[0], &args->data[0]);
    return NULL;
}

static wasm_ref_t *
call_ref(const wasm_extern_vec_t *exports, size_t at, const wasm_ref_t *ref)
{
    wasm_val_t args[1] = { WASM_REF_VAL((wasm_ref_t *)ref) }, results[1] = { WASM_INIT_VAL };
    const wasm_func_t *func = wasm_extern_as_func(exports->data[at]);
    call(func, args, wasm_func_param_arity(func), results, wasm_func_result_arity(func));
    return results[0].of.ref;
}

/* Whether both are the same; `actual` is deleted. */
static int
is(wasm_ref_t *actual, const wasm_ref_t *expected)
{
    int same = wasm_ref_same(actual, expected);
    wasm_ref_delete(actual);
    return same;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_functype_t *type =
        wasm_functype_new_1_1(wasm_valtype_new_anyref(), wasm_valtype_new_externref());
    wasm_func_t *func = wasm_func_new(store, type, pass);
    wasm_functype_delete(type);
    wasm_extern_t *externs[] = { wasm_func_as_extern(func) };
    wasm_instance_t *instance = instantiate(store, "hostref.wasm", externs, 1);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);

    int one, two;
    wasm_foreign_t *foreign = wasm_foreign_new(store);
    wasm_ref_t *a = wasm_foreign_as_ref(foreign);
    wasm_ref_t *b = wasm_foreign_as_ref(wasm_foreign_new(store));
    wasm_foreign_set_host_info(foreign, &one);
    wasm_ref_set_host_info(b, &two);
    wasm_ref_t *refs[] = { NULL, a, b, wasm_func_as_ref(func), wasm_instance_as_ref(instance),
                           wasm_extern_as_ref(exports.data[1]) };
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        /* Through a global, a table, and a function of the host. */
        call_ref(&exports, 2, refs[i]);
        CHECK(is(call_ref(&exports, 3, NULL), refs[i]));
        wasm_val_t value;
        wasm_global_get(wasm_extern_as_global(exports.data[0]), &value);
        CHECK(value.kind == WASM_EXTERNREF && is(value.of.ref, refs[i]));
        wasm_table_t *table = wasm_extern_as_table(exports.data[1]);
        CHECK(wasm_table_set(table, 2, refs[i]) && is(wasm_table_get(table, 2), refs[i]));
        CHECK(is(call_ref(&exports, 6, refs[i]), refs[i]));
    }
    wasm_ref_t *back = call_ref(&exports, 6, b);
    CHECK(wasm_ref_get_host_info(back) == &two && !wasm_ref_same(a, back));
    CHECK(wasm_ref_as_foreign(back) != NULL && wasm_ref_as_func(back) == NULL);
    wasm_ref_delete(back);
    back = call_ref(&exports, 6, wasm_func_as_ref(func));
    CHECK(wasm_func_same(wasm_ref_as_func(back), func) && wasm_ref_as_foreign(back) == NULL);
    wasm_ref_delete(back);

    /* References to functions are functions, and nothing else is. */
    wasm_val_t args[1] = { WASM_REF_VAL(wasm_func_as_ref(func)) }, results[1] = { WASM_INIT_VAL };
    call(wasm_extern_as_func(exports.data[7]), args, 1, results, 1);
    CHECK(results[0].kind == WASM_FUNCREF && is(results[0].of.ref, wasm_func_as_ref(func)));
    args[0].of.ref = a;
    wasm_val_vec_t from = WASM_ARRAY_VEC(args), to = WASM_ARRAY_VEC(results);
    CHECK(trap_says(wasm_func_call(wasm_extern_as_func(exports.data[7]), &from, &to), "funcref"));

    wasm_ref_delete(a);
    wasm_ref_delete(b);
    wasm_func_delete(func);
    wasm_instance_delete(instance);
    wasm_extern_vec_delete(&exports);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
