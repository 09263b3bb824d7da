/* What the host makes without any instance, natives, and calls in both directions. */
#include "export_check.h"

static int finalized;

static void
finalize(void *env)
{
    finalized += *(int *)env;
}

static double
add(wasm_exec_env_t env, int32_t a, int64_t b, float c, double d)
{
    return a + (double)b + c + d + *(int *)wasm_runtime_get_function_attachment(env);
}

static void
three(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    native_raw_return_type(int32_t, args);
    native_raw_get_arg(int32_t, first, args);
    args[0] = (uint32_t)first + 1;
    args[1] = (uint32_t)first + 2;
    native_raw_set_return(first);
}

static int32_t
text(wasm_exec_env_t env, char *at, uint32_t size)
{
    wasm_module_inst_t module_inst = get_module_inst(env);
    CHECK(size == 4 && wasm_runtime_get_user_data(env) == &finalized);
    strcpy(at, "abc");
    if (strcmp(at, "abc") != 0) {
        wasm_runtime_set_exception(module_inst, "the text is wrong");
    }
    CHECK(addr_app_to_native(addr_native_to_app(at)) == at);
    /* Calls the instance that called. */
    wasm_function_inst_t twice = wasm_runtime_lookup_function(module_inst, "twice");
    uint32_t cells[1] = { 21 };
    CHECK(wasm_runtime_call_wasm(env, twice, 1, cells));
    return (int32_t)cells[0];
}

int
main(void)
{
    NativeSymbol natives[] = { EXPORT_WASM_API_WITH_SIG(text, "(*~)i") };
    RuntimeInitArgs init = { .mem_alloc_type = Alloc_With_System_Allocator,
                             .native_module_name = "host",
                             .native_symbols = natives,
                             .n_native_symbols = 1 };
    char error[256];
    uint32_t size;
    CHECK(wasm_runtime_full_init(&init));
    set_mode();
    uint8_t *buffer = read_file("export_host.wasm", &size);
    LoadArgs load = { .wasm_binary_freeable = true };
    wasm_module_t module = wasm_runtime_load_ex(buffer, size, &load, error, sizeof error);
    CHECK(module != NULL && wasm_runtime_is_underlying_binary_freeable(module));
    wasm_runtime_free(buffer);

    wasm_import_t add_type, three_type, counter_type, text_type, tag_type;
    wasm_runtime_get_import_type(module, 0, &add_type);
    wasm_runtime_get_import_type(module, 1, &three_type);
    wasm_runtime_get_import_type(module, 2, &counter_type);
    wasm_runtime_get_import_type(module, 3, &text_type);
    wasm_runtime_get_import_type(module, 4, &tag_type);
    CHECK(!add_type.linked && text_type.linked);
    CHECK(tag_type.kind == WASM_IMPORT_EXPORT_KIND_TAG);

    int attached = 32;
    wasm_val_t forty = { .kind = WASM_I32, .of.i32 = 40 };
    wasm_function_inst_t add_func = wasm_runtime_create_function_with_env(
        module, add_type.u.func_type, (void *)add, NULL, &attached, finalize);
    wasm_function_inst_t three_func = wasm_runtime_create_function_raw(
        module, three_type.u.func_type, three, NULL, NULL);
    wasm_global_handle_t counter =
        wasm_runtime_create_global(module, counter_type.u.global_type, &forty);
    wasm_tag_inst_t tag = wasm_runtime_create_tag(module, tag_type.u.tag_type);
    CHECK(add_func && three_func && counter && tag);

    WASMExternInstance list[5];
    memset(list, 0, sizeof list);
    list[0].u.function = add_func;
    list[1].u.function = three_func;
    list[2].kind = WASM_IMPORT_EXPORT_KIND_GLOBAL;
    list[2].u.global = counter;
    list[4].kind = WASM_IMPORT_EXPORT_KIND_TAG;
    list[4].u.tag = tag;
    struct InstantiationArgs2 *args;
    CHECK(wasm_runtime_instantiation_args_create(&args));
    wasm_runtime_instantiation_args_set_imports(args, list, 5);
    wasm_runtime_instantiation_args_set_host_managed_heap_size(args, 65536);
    wasm_module_inst_t inst = wasm_runtime_instantiate_ex2(module, args, error, sizeof error);
    if (!inst) {
        fprintf(stderr, "%s\n", error);
    }
    CHECK(inst != NULL);
    wasm_runtime_instantiation_args_destroy(args);
    wasm_runtime_destroy_function(module, add_func);
    wasm_runtime_destroy_function(module, three_func);
    wasm_runtime_destroy_tag(module, tag);

    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_runtime_set_user_data(env, &finalized);
    wasm_val_t results[3];
    CHECK(wasm_runtime_call_wasm_a(env, wasm_runtime_lookup_function(inst, "sum"), 1, results, 0,
                                   NULL));
    CHECK(results[0].kind == WASM_F64 && results[0].of.f64 == 42.0);
    CHECK(wasm_runtime_call_wasm_v(env, wasm_runtime_lookup_function(inst, "three"), 3, results, 1,
                                   (int32_t)7));
    CHECK(results[0].of.i32 == 7 && results[1].of.i32 == 8 && results[2].of.i32 == 9);
    uint32_t cells[4] = { 0 };
    CHECK(wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "count"), 0, cells));
    CHECK(cells[0] == 41 && wasm_global_get_value(counter, &forty) && forty.of.i32 == 41);
    CHECK(wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "caught"), 0, cells));
    CHECK(cells[0] == 9);

    void *native;
    cells[0] = (uint32_t)wasm_runtime_module_malloc(inst, 4, &native);
    cells[1] = 4;
    uint32_t at = cells[0];
    CHECK(at != 0 && native == wasm_runtime_addr_app_to_native(inst, at));
    CHECK(wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "text"), 2, cells));
    CHECK(cells[0] == 42 && strcmp(native, "abc") == 0);
    wasm_runtime_module_free(inst, at);

    CHECK(!wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "trap"), 0, cells));
    CHECK(strcmp(wasm_runtime_get_exception(inst), "Exception: unreachable") == 0);
    CHECK(wasm_runtime_get_call_stack_buf_size(env) > 1);
    WASMCApiFrame frames[4];
    CHECK(wasm_copy_callstack(env, frames, 4, 0, error, sizeof error) == 1);

    wasm_table_inst_t table;
    CHECK(wasm_runtime_get_export_table_inst(inst, "table", &table) && table.cur_size == 2);
    cells[0] = 4;
    CHECK(wasm_runtime_call_wasm(env, wasm_table_get_func_inst(inst, &table, 0), 1, cells));
    CHECK(cells[0] == 8);

    wasm_runtime_destroy_exec_env(env);
    CHECK(finalized == 0);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_destroy_global(module, counter);
    CHECK(finalized == 32);
    /* Names that were destroyed are found out. */
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_destroy_exec_env(env);
    CHECK(wasm_runtime_lookup_function(inst, "sum") == NULL);
    CHECK(!wasm_runtime_call_wasm(env, NULL, 0, NULL));
    wasm_runtime_unload(module);
    wasm_runtime_unload(module);
    CHECK(wasm_runtime_get_import_count(module) == -1);
    wasm_runtime_destroy();
    return 0;
}
