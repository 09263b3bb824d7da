/* A memory of the host's is a module's memory: with the types of the branch that first declared
   this, a list with more places than there are imports, and nothing freed by the instance. */
#define WASM_INSTANTIATE_LINKING
#include "export_check.h"

int
main(void)
{
    char error[128];
    uint32_t size;
    CHECK(wasm_runtime_init());
    set_mode();
    uint8_t *buffer = read_file("export_memory.wasm", &size);
    wasm_module_t module = wasm_runtime_load(buffer, size, error, sizeof error);
    CHECK(module != NULL);

    wasm_import_t type = { 0 };
    int32_t at = find_import(module, WASM_IMPORT_EXPORT_KIND_MEMORY, &type);
    CHECK(at >= 0);
    CHECK(wasm_memory_type_get_init_page_count(type.u.memory_type) == 3);
    CHECK(wasm_memory_type_get_max_page_count(type.u.memory_type) == 5);
    wasm_memory_inst_t memory = wasm_runtime_create_memory(module, type.u.memory_type);
    CHECK(memory != NULL);

    WASMExternInstance list[10] = { 0 };
    list[at].module_name = "env";
    list[at].field_name = "memory";
    list[at].kind = WASM_IMPORT_EXPORT_KIND_MEMORY;
    list[at].u.memory = memory;
    InstantiationArgs args = { .default_stack_size = 65536, .imports = list, .import_count = 10 };
    wasm_module_inst_t inst = wasm_runtime_instantiate_ex(module, &args, error, sizeof error);
    CHECK(inst != NULL);

    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, "goodhart_law");
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    CHECK(func != NULL && env != NULL && wasm_runtime_call_wasm(env, func, 0, NULL));
    CHECK(wasm_memory_get_cur_page_count(memory) == 4);
    char *base = wasm_memory_get_base_address(memory);
    CHECK(strcmp(base + 100, "ceases to be a good measure") == 0 && base[200000] == 1);

    /* The same memory again, for another instance. Segments are written again. */
    base[100] = 'C';
    wasm_module_inst_t second = wasm_runtime_instantiate_ex(module, &args, error, sizeof error);
    CHECK(second != NULL && base[100] == 'c');
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_destroy_memory(module, memory);
    CHECK(wasm_runtime_addr_app_to_native(second, 100) == base + 100);
    wasm_runtime_deinstantiate(second);
    wasm_runtime_unload(module);
    wasm_runtime_free(buffer);
    wasm_runtime_destroy();
    return 0;
}
