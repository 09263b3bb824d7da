/* Places in the list of imports that the library itself fills. */
#include "check.h"

static int calls;

static wasm_trap_t *
nothing(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args, (void)results;
    calls++;
    return NULL;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_module_t *module = load(store, "wasi.wasm");
    wasm_importtype_vec_t types;
    wasm_module_imports(module, &types);
    CHECK(wasm_importtype_is_linked(types.data[0]) && !wasm_importtype_is_linked(types.data[1]));
    wasm_importtype_vec_delete(&types);

    wasm_functype_t *type = wasm_functype_new_0_0();
    wasm_func_t *func = wasm_func_new(store, type, nothing);
    wasm_functype_delete(type);
    wasm_extern_t *empty = wasm_extern_new_empty(store, WASM_EXTERN_FUNC);
    CHECK(wasm_extern_kind(empty) == WASM_EXTERN_FUNC && wasm_extern_type(empty) == NULL);
    wasm_extern_t *externs[] = { empty, wasm_func_as_extern(func) };
    wasm_extern_vec_t imports = WASM_ARRAY_VEC(externs), exports;
    InstantiationArgs args = { 0 };
    for (int way = 0; way < 3; way++) {
        externs[0] = way == 0 ? empty : NULL;
        wasm_trap_t *trap = NULL;
        wasm_instance_t *instance =
            way == 0 ? wasm_instance_new(store, module, &imports, &trap)
            : way == 1 ? wasm_instance_new_with_args(store, module, &imports, &trap, 65536, 0)
                       : wasm_instance_new_with_args_ex(store, module, &imports, &trap, &args);
        CHECK(instance != NULL && trap == NULL);
        CHECK(wasm_instance_sum_wasm_exec_time(instance) == 0);
        CHECK(wasm_instance_get_wasm_func_exec_time(instance, "run") == 0);
        wasm_instance_exports(instance, &exports);
        wasm_instance_delete(instance);
        CHECK(call_i32(&exports, 1, 0, 0, 0) == 0 && calls == way + 1);
        wasm_extern_vec_delete(&exports);
    }
    /* Nobody has the second one. */
    imports.size = 1;
    wasm_trap_t *trap = NULL;
    CHECK(wasm_instance_new(store, module, &imports, &trap) == NULL);
    CHECK(trap_says(trap, "nothing"));

    wasm_extern_delete(empty);
    wasm_func_delete(func);
    wasm_module_delete(module);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
