/* A table of the host's is a module's table, which its indirect calls go through. */
#define WASM_INSTANTIATE_LINKING
#include "export_check.h"

int
main(void)
{
    char error[128];
    uint32_t size;
    CHECK(wasm_runtime_init());
    set_mode();
    uint8_t *buffer = read_file("export_table.wasm", &size);
    wasm_module_t module = wasm_runtime_load(buffer, size, error, sizeof error);
    CHECK(module != NULL);

    wasm_import_t type = { 0 };
    int32_t at = find_import(module, WASM_IMPORT_EXPORT_KIND_TABLE, &type);
    CHECK(at >= 0 && wasm_table_type_get_init_size(type.u.table_type) == 3);
    wasm_table_inst_t table = wasm_runtime_create_table(module, type.u.table_type);
    CHECK(table != NULL);

    WASMExternInstance list[10] = { 0 };
    list[at].module_name = "host";
    list[at].field_name = "__indirect_function_table";
    list[at].kind = WASM_IMPORT_EXPORT_KIND_TABLE;
    list[at].u.table = table;
    InstantiationArgs args = { .host_managed_heap_size = 8192, .imports = list,
                               .import_count = 10 };
    wasm_module_inst_t inst = wasm_runtime_instantiate_ex(module, &args, error, sizeof error);
    CHECK(inst != NULL);
    char program[] = "table";
    char *argv[] = { program };
    CHECK(wasm_application_execute_main(inst, 1, argv));

    /* The host calls, grows and fills it too. */
    wasm_function_inst_t subtract = wasm_table_get_func_inst(inst, table, 2);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    uint32_t cells[2] = { 44, 2 };
    CHECK(subtract != NULL && wasm_runtime_call_wasm(env, subtract, 2, cells) && cells[0] == 42);
    CHECK(wasm_table_enlarge(table, 2, subtract) && wasm_table_get_cur_size(table) == 5);
    CHECK(wasm_table_get_func_inst(inst, table, 4) == subtract);
    CHECK(wasm_table_get_func_inst(inst, table, 5) == NULL);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_destroy_table(module, table);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_free(buffer);
    wasm_runtime_destroy();
    return 0;
}
