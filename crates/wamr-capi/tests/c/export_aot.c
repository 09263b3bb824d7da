/* Compiling ahead of time, and loading what comes of it. */
#include "export_check.h"

int
main(void)
{
    CHECK(wasm_runtime_init() && aot_compiler_init());
    uint32_t size, written;
    char error[128];
    uint8_t *buffer = read_file("export_objects.wasm", &size);
    wasm_module_t module = wasm_runtime_load(buffer, size, error, sizeof error);
    CHECK(module != NULL);
    AOTCompOption option = { .output_format = AOT_FORMAT_FILE };
    aot_call_stack_features_init_default(&option.call_stack_features);
    CHECK(option.call_stack_features.bounds_checks && aot_get_plt_table_size() == 0);
    aot_comp_data_t data = aot_create_comp_data(module, NULL, false);
    aot_comp_context_t context = aot_create_comp_context(data, &option);
    CHECK(data != NULL && context != NULL && aot_compile_wasm(context));
    aot_obj_data_t object = aot_obj_data_create(context);
    uint32_t length = aot_get_aot_file_size(context, data, object);
    uint8_t *file = aot_emit_aot_file_buf(context, data, &written);
    CHECK(file != NULL && written == length);
    uint8_t *copy = malloc(length);
    CHECK(copy != NULL && aot_emit_aot_file_buf_ex(context, data, object, copy, length));
    CHECK(memcmp(copy, file, length) == 0);
    CHECK(!aot_emit_aot_file_buf_ex(context, data, object, copy, length - 1));
    CHECK(strstr(aot_get_last_error(), "too small") != NULL);
    char name[] = "/tmp/iwasm-c-test-XXXXXX";
    int descriptor = mkstemp(name);
    CHECK(descriptor >= 0);
    CHECK(aot_emit_object_file(context, name) && aot_emit_aot_file(context, data, name));
    CHECK(!aot_emit_llvm_file(context, name));
    close(descriptor);
    remove(name);
    aot_destroy_aot_file(file);
    aot_obj_data_destroy(object);
    aot_destroy_comp_context(context);
    aot_destroy_comp_data(data);
    wasm_runtime_unload(module);
    wasm_runtime_free(buffer);

    CHECK(get_package_type(copy, length) == Wasm_Module_AoT);
    CHECK(wasm_runtime_get_file_package_type(copy, length) == Wasm_Module_AoT);
    CHECK(wasm_runtime_get_file_package_version(copy, length)
          == wasm_runtime_get_current_package_version(Wasm_Module_AoT));
    CHECK(!wasm_runtime_is_xip_file(copy, length));
    module = wasm_runtime_load(copy, length, error, sizeof error);
    CHECK(module != NULL);
    CHECK(wasm_runtime_get_module_package_type(module) == Wasm_Module_AoT);
    CHECK(wasm_runtime_get_module_package_version(module) != 0);
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    uint32_t cells[1] = { 21 };
    CHECK(wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "double"), 1, cells));
    CHECK(cells[0] == 42);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    free(copy);
    aot_compiler_destroy();
    wasm_runtime_destroy();
    return 0;
}
