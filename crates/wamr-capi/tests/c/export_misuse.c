/* Wrong use of wasm_export.h: nothing, names of other kinds, names that are gone, buffers that are
   too small, entities where they do not fit. Everything is answered. */
#include "export_check.h"
#include "gc_export.h"

static char error[128];

/* Asks everything about something that is neither a module nor an instance nor anything else that
   is asked for. */
static void
ask(void *wrong)
{
    uint32_t cells[4] = { 0 };
    wasm_val_t value = { .kind = WASM_I32 };
    wasm_import_t import;
    wasm_export_t export;
    CHECK(wasm_runtime_get_import_count(wrong) == -1);
    CHECK(wasm_runtime_get_export_count(wrong) == -1);
    wasm_runtime_get_import_type(wrong, 0, &import);
    CHECK(import.name == NULL);
    wasm_runtime_get_export_type(wrong, 0, &export);
    CHECK(export.name == NULL);
    wasm_runtime_get_export_type_by_name(wrong, "f", &export);
    CHECK(wasm_runtime_get_custom_section(wrong, "f", cells) == NULL);
    CHECK(!wasm_runtime_resolve_symbols(wrong));
    CHECK(wasm_runtime_instantiate(wrong, 0, 0, error, sizeof error) == NULL);
    CHECK(strlen(error) > 0);
    CHECK(wasm_runtime_instantiate(wrong, 0, 0, error, 1) == NULL && error[0] == 0);
    CHECK(wasm_runtime_instantiate(wrong, 0, 0, NULL, 0) == NULL);
    CHECK(wasm_runtime_instantiate_ex(wrong, NULL, error, sizeof error) == NULL);
    CHECK(wasm_runtime_instantiate_ex2(wrong, wrong, error, sizeof error) == NULL);
    CHECK(wasm_runtime_lookup_function(wrong, "f") == NULL);
    CHECK(wasm_runtime_lookup_function(wrong, NULL) == NULL);
    CHECK(wasm_runtime_lookup_memory(wrong, "m") == NULL);
    CHECK(wasm_runtime_create_exec_env(wrong, 8192) == NULL);
    CHECK(!wasm_runtime_call_wasm(wrong, wrong, 1, cells));
    CHECK(!wasm_runtime_call_wasm_a(wrong, wrong, 1, &value, 1, &value));
    CHECK(!wasm_runtime_call_indirect(wrong, 0, 0, NULL));
    CHECK(!wasm_application_execute_main(wrong, 0, NULL));
    CHECK(!wasm_application_execute_func(wrong, "f", 0, NULL));
    CHECK(wasm_runtime_get_exception(wrong) == NULL);
    wasm_runtime_set_exception(wrong, "text");
    wasm_runtime_clear_exception(wrong);
    wasm_runtime_terminate(wrong);
    CHECK(wasm_runtime_module_malloc(wrong, 8, NULL) == 0);
    wasm_runtime_module_free(wrong, 8);
    CHECK(!wasm_runtime_validate_app_addr(wrong, 0, 1));
    CHECK(wasm_runtime_addr_app_to_native(wrong, 0) == NULL);
    CHECK(wasm_runtime_addr_native_to_app(wrong, cells) == 0);
    CHECK(wasm_memory_get_base_address(wrong) == NULL && !wasm_memory_enlarge(wrong, 1));
    CHECK(!wasm_global_get_value(wrong, &value) && !wasm_global_set_value(wrong, &value));
    CHECK(wasm_table_get_cur_size(wrong) == 0 && !wasm_table_enlarge(wrong, 1, wrong));
    CHECK(wasm_runtime_create_memory(wrong, wrong) == NULL);
    CHECK(wasm_runtime_create_global(wrong, wrong, &value) == NULL);
    CHECK(wasm_runtime_create_function(wrong, wrong, NULL) == NULL);
    wasm_runtime_destroy_memory(wrong, wrong);
    wasm_runtime_destroy_global(wrong, wrong);
    wasm_runtime_destroy_function(wrong, wrong);
    wasm_runtime_destroy_tag(wrong, wrong);
    wasm_runtime_destroy_table(wrong, wrong);
    wasm_runtime_instantiation_args_destroy(wrong);
    CHECK(wasm_copy_callstack(wrong, NULL, 0, 0, error, sizeof error) == 0);
    CHECK(wasm_runtime_get_call_stack_buf_size(wrong) == 0);
    CHECK(!wasm_runtime_attach_shared_heap(wrong, wrong));
    CHECK(wasm_runtime_spawn_exec_env(wrong) == NULL);
    CHECK(!wasm_obj_is_struct_obj(wrong) && wasm_array_obj_length(wrong) == 0);
    CHECK(wasm_runtime_is_import_func_linked(NULL, NULL) == false);
}

int
main(void)
{
    /* Before the runtime was started. */
    uint8_t empty[8] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    CHECK(wasm_runtime_load(empty, sizeof empty, error, sizeof error) == NULL);
    CHECK(strstr(error, "not started") != NULL);
    wasm_runtime_destroy();
    CHECK(!wasm_runtime_full_init(NULL));
    CHECK(wasm_runtime_init());
    set_mode();
    wasm_module_t module = load_module("export_every.wasm");
    wasm_module_t spin = load_module("export_spin.wasm");
    wasm_module_inst_t inst = wasm_runtime_instantiate(spin, 0, 0, error, sizeof error);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, "spin");
    CHECK(inst != NULL && env != NULL && func != NULL);

    int local;
    ask(NULL);
    ask(&local);
    ask((void *)(uintptr_t)UINTPTR_MAX);
    struct InstantiationArgs2 *args;
    CHECK(wasm_runtime_instantiation_args_create(&args));
    CHECK(!wasm_runtime_instantiation_args_create(NULL));
    wasm_runtime_instantiation_args_destroy(args);
    ask(args);

    /* Arguments that are not there, too many values, and results without room. */
    wasm_val_t value;
    CHECK(!wasm_runtime_call_wasm(env, func, 1, NULL));
    CHECK(!wasm_runtime_call_wasm_a(env, func, 0, NULL, 3, &value));
    CHECK(!wasm_runtime_call_wasm(env, (wasm_function_inst_t)module, 0, NULL));
    CHECK(strstr(wasm_runtime_get_exception(inst), "no such function") != NULL);
    /* A function that nobody has, and values where others belong. */
    CHECK(wasm_runtime_instantiate(module, 0, 0, error, sizeof error) == NULL);
    CHECK(strstr(error, "`every` `raw`") != NULL);
    WASMExternInstance list[2] = { { .kind = WASM_IMPORT_EXPORT_KIND_MEMORY, .u.memory = (void *)inst },
                                   { .kind = WASM_IMPORT_EXPORT_KIND_FUNC, .u.function = func } };
    WASMInstantiationArgsWithImports with = { .imports = list, .import_count = 2 };
    CHECK(wasm_runtime_instantiate_ex_with_imports(module, &with, error, sizeof error) == NULL);
    CHECK(strlen(error) > 0);
    /* Bytes that are no module. */
    CHECK(wasm_runtime_load(empty, 7, error, sizeof error) == NULL);
    CHECK(wasm_runtime_load(NULL, 8, error, sizeof error) == NULL);
    CHECK(get_package_type(NULL, 8) == Package_Type_Unknown);

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(spin);
    wasm_runtime_unload(spin);
    ask(inst);
    ask(env);
    ask(func);
    wasm_runtime_unload(module);
    ask(module);
    wasm_runtime_destroy();
    wasm_runtime_destroy();
    return 0;
}
