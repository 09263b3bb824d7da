/* What modules and entities say about their types, which entities can be made from. */
#include "check.h"

static int
named(const wasm_name_t *name, const char *text)
{
    return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

static wasm_trap_t *
unused(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args, (void)results;
    return NULL;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_module_t *module = load(store, "reflect.wasm");
    CHECK(strcmp(wasm_module_get_name(module), "reflected") == 0);

    wasm_importtype_vec_t imports;
    wasm_module_imports(module, &imports);
    CHECK(imports.size == 3);
    const char *names[] = { "callback", "memory", "failure" };
    wasm_externkind_t kinds[] = { WASM_EXTERN_FUNC, WASM_EXTERN_MEMORY, WASM_EXTERN_TAG };
    for (size_t i = 0; i < imports.size; i++) {
        CHECK(named(wasm_importtype_module(imports.data[i]), "env"));
        CHECK(named(wasm_importtype_name(imports.data[i]), names[i]));
        CHECK(wasm_externtype_kind(wasm_importtype_type(imports.data[i])) == kinds[i]);
        CHECK(!wasm_importtype_is_linked(imports.data[i]));
    }

    /* Made from what is wanted, and so they fit. */
    const wasm_functype_t *func_type =
        wasm_externtype_as_functype_const(wasm_importtype_type(imports.data[0]));
    const wasm_valtype_vec_t *params = wasm_functype_params(func_type);
    CHECK(params->size == 2 && wasm_valtype_kind(params->data[0]) == WASM_I32);
    CHECK(wasm_valtype_is_ref(params->data[1]) && wasm_valtype_is_num(params->data[0]));
    CHECK(wasm_valtype_kind(wasm_functype_results(func_type)->data[0]) == WASM_F64);
    const wasm_memorytype_t *memory_type =
        wasm_externtype_as_memorytype_const(wasm_importtype_type(imports.data[1]));
    CHECK(wasm_memorytype_limits(memory_type)->min == 1);
    const wasm_tagtype_t *tag_type =
        wasm_externtype_as_tagtype_const(wasm_importtype_type(imports.data[2]));
    CHECK(wasm_functype_params(wasm_tagtype_functype(tag_type))->size == 2);
    wasm_func_t *func = wasm_func_new(store, func_type, unused);
    wasm_memory_t *memory = wasm_memory_new(store, memory_type);
    wasm_tag_t *tag = wasm_tag_new(store, tag_type);
    wasm_importtype_vec_delete(&imports);

    wasm_exporttype_vec_t types;
    wasm_module_exports(module, &types);
    wasm_module_delete(module);
    wasm_extern_t *externs[] = { wasm_func_as_extern(func), wasm_memory_as_extern(memory),
                                 wasm_tag_as_extern(tag) };
    wasm_instance_t *instance = instantiate(store, "reflect.wasm", externs, 3);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    CHECK(types.size == 6 && exports.size == 6);
    const char *exported[] = { "func", "global", "table", "memory", "tag", "externs" };
    for (size_t i = 0; i < exports.size; i++) {
        CHECK(named(wasm_exporttype_name(types.data[i]), exported[i]));
        const wasm_externtype_t *declared = wasm_exporttype_type(types.data[i]);
        wasm_externtype_t *actual = wasm_extern_type(exports.data[i]);
        CHECK(wasm_externtype_kind(declared) == wasm_externtype_kind(actual));
        CHECK(wasm_extern_kind(exports.data[i]) == wasm_externtype_kind(actual));
        wasm_externtype_delete(actual);
    }
    wasm_externtype_t *type = wasm_extern_type(exports.data[1]);
    CHECK(wasm_globaltype_mutability(wasm_externtype_as_globaltype(type)) == WASM_VAR);
    CHECK(wasm_externtype_as_functype(type) == NULL);
    wasm_externtype_delete(type);
    type = wasm_extern_type(exports.data[2]);
    const wasm_limits_t *limits = wasm_tabletype_limits(wasm_externtype_as_tabletype(type));
    CHECK(limits->min == 3 && limits->max == 50);
    wasm_externtype_delete(type);
    type = wasm_extern_type(exports.data[5]);
    const wasm_tabletype_t *table_type = wasm_externtype_as_tabletype(type);
    CHECK(wasm_valtype_kind(wasm_tabletype_element(table_type)) == WASM_EXTERNREF);
    CHECK(wasm_tabletype_limits(table_type)->max == wasm_limits_max_default);
    wasm_externtype_delete(type);

    wasm_exporttype_vec_delete(&types);
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_func_delete(func);
    wasm_memory_delete(memory);
    wasm_tag_delete(tag);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
