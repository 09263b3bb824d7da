/* Whatever of wasm_export.h no other program calls: on what it is for, and on nothing. */
#include "export_check.h"

static char error[256];
static int destroyed, cleaned, grown;

static void
raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    native_raw_return_type(int32_t, args);
    native_raw_get_arg(int32_t, value, args);
    native_raw_set_return(value + 1);
}

static int32_t
with_signature(wasm_exec_env_t env, const char *text, uint32_t length)
{
    CHECK(wasm_runtime_begin_blocking_op(env));
    wasm_runtime_end_blocking_op(env);
    CHECK(wasm_runtime_detect_native_stack_overflow(env));
    CHECK(!wasm_runtime_detect_native_stack_overflow_size(env, UINT32_MAX));
    wasm_runtime_clear_exception(wasm_runtime_get_module_inst(env));
    return (int32_t)length + text[0];
}

static void
destroy(wasm_module_inst_t inst, void *context)
{
    (void)inst;
    destroyed += *(int *)context;
}

static void
clean(void *object)
{
    cleaned += *(int *)object;
}

static void
growth_failed(uint32_t pages, uint64_t bytes, uint32_t index, enlarge_memory_error_reason_t reason,
              wasm_module_inst_t inst, wasm_exec_env_t env, void *data)
{
    (void)bytes;
    (void)inst;
    (void)env;
    CHECK(index == 0 && reason == MAX_SIZE_REACHED && data == &grown);
    grown += (int)pages;
}

static bool
no_module(package_type_t type, const char *name, uint8_t **buffer, uint32_t *size)
{
    (void)type;
    (void)name;
    (void)buffer;
    (void)size;
    return false;
}

static NativeSymbol raws[] = { { "raw", (void *)raw, NULL, NULL } };
static NativeSymbol signed_ones[] = { { "signed", (void *)with_signature, "(*~)i", NULL } };

static void
runtime(void)
{
    uint32_t major, minor, patch;
    wasm_runtime_get_version(&major, &minor, &patch);
    CHECK(major == 2);
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_ERROR);
    CHECK(wasm_runtime_is_running_mode_supported(Mode_Interp));
    CHECK(wasm_runtime_set_instruction_metering(true));
    wasm_runtime_set_allow_unlinked_functions(false);
    wasm_runtime_set_max_thread_num(4);
    wasm_runtime_set_module_reader(no_module, NULL);
    CHECK(wasm_runtime_init_thread_env() && wasm_runtime_thread_env_inited());
    wasm_runtime_destroy_thread_env();
    void *block = wasm_runtime_malloc(10);
    block = wasm_runtime_realloc(block, 1000);
    CHECK(block != NULL);
    wasm_runtime_free(block);
    block = wasm_runtime_aligned_alloc(64, 64);
    CHECK(block != NULL && (uintptr_t)block % 64 == 0);
    wasm_runtime_free(block);
    mem_alloc_info_t info;
    CHECK(wasm_runtime_get_mem_alloc_info(&info) && info.total_size <= 65536);
    CHECK(info.highmark_size >= 1000 && info.total_free_size <= info.total_size);
    NativeSymbol *symbols;
    CHECK(get_base_lib_export_apis(&symbols) == 0);
    CHECK(wasm_runtime_register_natives_raw("every", raws, 1));
    CHECK(wasm_runtime_register_natives("every", signed_ones, 1));
    CHECK(wasm_runtime_is_import_func_linked("every", "raw"));
    CHECK(wasm_runtime_is_import_global_linked("global", "NaN"));
}

static void
modules(wasm_module_t module)
{
    CHECK(wasm_runtime_get_export_count(module) == 10);
    wasm_export_t export;
    wasm_runtime_get_export_type(module, 0, &export);
    CHECK(strcmp(export.name, "memory") == 0);
    CHECK(!wasm_memory_type_get_shared(export.u.memory_type));
    wasm_runtime_get_export_type_by_name(module, "table", &export);
    CHECK(wasm_table_type_get_max_size(export.u.table_type) == 8);
    CHECK(wasm_table_type_get_elem_kind(export.u.table_type) == WASM_FUNCREF);
    CHECK(!wasm_table_type_get_shared(export.u.table_type));
    wasm_runtime_get_export_type_by_name(module, "global", &export);
    CHECK(wasm_global_type_get_valkind(export.u.global_type) == WASM_I32);
    CHECK(wasm_global_type_get_mutable(export.u.global_type));
    wasm_runtime_get_export_type_by_name(module, "signed", &export);
    CHECK(wasm_func_type_get_param_count(export.u.func_type) == 2);
    CHECK(wasm_func_type_get_param_valkind(export.u.func_type, 1) == WASM_I32);
    CHECK(wasm_func_type_get_result_count(export.u.func_type) == 1);
    CHECK(wasm_func_type_get_result_valkind(export.u.func_type, 0) == WASM_I32);
    uint32_t length;
    const uint8_t *note = wasm_runtime_get_custom_section(module, "note", &length);
    CHECK(length == 10 && memcmp(note, "some bytes", 10) == 0);
    CHECK(wasm_runtime_set_module_name(module, "every", error, sizeof error));
    CHECK(strcmp(wasm_runtime_get_module_name(module), "every") == 0);
    CHECK(wasm_runtime_get_module_hash(module) == NULL);
    CHECK(wasm_runtime_resolve_symbols(module));
    CHECK(wasm_runtime_register_module("registered", module, error, sizeof error));
    CHECK(wasm_runtime_find_module_registered("registered") == module);

    uint8_t body[] = { 1, 0x60, 0, 0 };
    wasm_section_t section = { .section_type = 1, .section_body = body,
                               .section_body_size = sizeof body };
    wasm_module_t small = wasm_runtime_load_from_sections(&section, false, error, sizeof error);
    CHECK(small != NULL);
    wasm_runtime_unload(small);

    const char *list[] = { "a=b" };
    char *argv[] = { "program" };
    wasm_runtime_set_wasi_args(module, NULL, 0, NULL, 0, list, 1, argv, 1);
    wasm_runtime_set_wasi_args_ex(module, NULL, 0, NULL, 0, list, 1, argv, 1, -1, -1, -1);
    const char *ranges[] = { "10.0.0.0/8" }, *names[] = { "*.example.com" };
    wasm_runtime_set_wasi_addr_pool(module, ranges, 1);
    wasm_runtime_set_wasi_ns_lookup_pool(module, names, 1);
}

static wasm_module_inst_t
instance(wasm_module_t module)
{
    const char *list[] = { "a=b" };
    char *argv[] = { "program" };
    static int data = 7;
    struct InstantiationArgs2 *args;
    CHECK(wasm_runtime_instantiation_args_create(&args));
    wasm_runtime_instantiation_args_set_default_stack_size(args, 8192);
    wasm_runtime_instantiation_args_set_max_memory_pages(args, 2);
    wasm_runtime_instantiation_args_set_custom_data(args, &data);
    wasm_runtime_instantiation_args_set_wasi_arg(args, argv, 1);
    wasm_runtime_instantiation_args_set_wasi_env(args, list, 1);
    wasm_runtime_instantiation_args_set_wasi_dir(args, NULL, 0, NULL, 0);
    wasm_runtime_instantiation_args_set_wasi_stdio(args, -1, -1, -1);
    const char *ranges[] = { "127.0.0.1/32" }, *names[] = { "*" };
    wasm_runtime_instantiation_args_set_wasi_addr_pool(args, ranges, 1);
    wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(args, names, 1);
    wasm_module_inst_t inst = wasm_runtime_instantiate_ex2(module, args, error, sizeof error);
    wasm_runtime_instantiation_args_destroy(args);
    CHECK(inst != NULL && *(int *)wasm_runtime_get_custom_data(inst) == 7);
    RunningMode mode = wasm_runtime_get_running_mode(inst);
    CHECK(mode == 0 || wasm_runtime_set_running_mode(inst, mode));
    CHECK(wasm_runtime_get_module(inst) == module && !wasm_runtime_is_wasi_mode(inst));
    CHECK(wasm_runtime_lookup_wasi_start_function(inst) == NULL);
    CHECK(wasm_runtime_get_wasi_exit_code(inst) == 0);
    wasm_runtime_set_bounds_checks(inst, false);
    CHECK(wasm_runtime_is_bounds_checks_enabled(inst));
    wasm_runtime_set_custom_data(inst, NULL);
    CHECK(wasm_runtime_get_custom_data(inst) == NULL);
    return inst;
}

static void
memories(wasm_module_inst_t inst, wasm_exec_env_t env)
{
    wasm_memory_inst_t memory = wasm_runtime_lookup_memory(inst, "memory");
    CHECK(memory != NULL && memory == wasm_runtime_get_default_memory(inst));
    CHECK(memory == wasm_runtime_get_memory(inst, 0));
    /* The type says 4, and the arguments 2. */
    CHECK(wasm_memory_get_max_page_count(memory) == 2 && !wasm_memory_get_shared(memory));
    CHECK(wasm_memory_get_bytes_per_page(memory) == 65536);
    CHECK(wasm_runtime_enlarge_memory(inst, 1) && !wasm_memory_enlarge(memory, 1));
    wasm_runtime_set_enlarge_mem_error_callback(growth_failed, &grown);
    uint32_t cells[2] = { 3 };
    wasm_function_inst_t grow = wasm_runtime_lookup_function(inst, "grow");
    CHECK(wasm_runtime_call_wasm(env, grow, 1, cells) && cells[0] == UINT32_MAX && grown == 3);
    wasm_runtime_set_enlarge_mem_error_callback(NULL, NULL);

    char *base = wasm_memory_get_base_address(memory);
    strcpy(base + 100, "A");
    uint64_t start, end;
    uint8_t *first, *last;
    CHECK(wasm_runtime_validate_app_addr(inst, 100, 2));
    CHECK(wasm_runtime_validate_app_str_addr(inst, 100));
    CHECK(wasm_runtime_validate_native_addr(inst, base + 100, 2));
    CHECK(wasm_runtime_addr_native_to_app(inst, base + 100) == 100);
    CHECK(wasm_runtime_get_app_addr_range(inst, 100, &start, &end) && end == 131072);
    CHECK(wasm_runtime_get_native_addr_range(inst, (uint8_t *)base, &first, &last));
    CHECK(last - first == 131072);
    /* Nobody manages a heap here. */
    CHECK(wasm_runtime_module_dup_data(inst, "abc", 4) == 0);

    int object = 5;
    uint32_t index;
    void *found;
    CHECK(wasm_externref_obj2ref(inst, &object, &index));
    CHECK(wasm_externref_set_cleanup(inst, &object, clean));
    CHECK(wasm_externref_ref2obj(index, &found) && found == &object);
    CHECK(wasm_externref_retain(index) && wasm_externref_objdel(inst, &object) && cleaned == 5);
}

static void
calls(wasm_module_inst_t inst, wasm_exec_env_t env)
{
    uint32_t cells[2] = { 1 };
    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, "signed");
    wasm_valkind_t kinds[2];
    CHECK(wasm_func_get_param_count(func, inst) == 2);
    CHECK(wasm_func_get_result_count(func, inst) == 1);
    wasm_func_get_param_types(func, inst, kinds);
    wasm_func_get_result_types(func, inst, kinds);
    CHECK(kinds[0] == WASM_I32 && kinds[1] == WASM_I32);
    CHECK(wasm_runtime_call_indirect(env, 0, 1, cells) && cells[0] == 2);
    cells[0] = 100;
    cells[1] = 2;
    CHECK(wasm_runtime_call_wasm(env, func, 2, cells) && cells[0] == 'A' + 2);
    char *argv[] = { "7" };
    CHECK(wasm_application_execute_func(inst, "raw", 1, argv));
    CHECK(wasm_runtime_get_exec_env_singleton(inst) != env);
    wasm_runtime_set_module_inst(env, inst);
    CHECK(wasm_runtime_get_module_inst(env) == inst);
    wasm_runtime_set_native_stack_boundary(env, NULL);

    wasm_runtime_set_instruction_count_limit(env, 100);
    func = wasm_runtime_lookup_function(inst, "spin");
    CHECK(!wasm_runtime_call_wasm(env, func, 0, NULL));
    wasm_runtime_set_instruction_count_limit(env, -1);
    CHECK(!wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "fail"), 0, NULL));
    char stack[256];
    wasm_runtime_dump_call_stack(env);
    CHECK(wasm_runtime_dump_call_stack_to_buf(env, stack, sizeof stack) > 1);
    wasm_runtime_dump_mem_consumption(env);
    wasm_runtime_dump_perf_profiling(inst);
    CHECK(wasm_runtime_sum_wasm_exec_time(inst) > 0);
    CHECK(wasm_runtime_get_wasm_func_exec_time(inst, "fail") > 0);
    CHECK(wasm_runtime_get_pgo_prof_data_size(inst) == 0);
    CHECK(wasm_runtime_dump_pgo_prof_data_to_buf(inst, stack, sizeof stack) == 0);
    CHECK(wasm_runtime_start_debug_instance(env) == 0);
    CHECK(wasm_runtime_start_debug_instance_with_port(env, 1) == 0);
}

static void
linking(wasm_module_t module, wasm_module_inst_t inst)
{
    wasm_global_inst_t data;
    CHECK(wasm_runtime_get_export_global_inst(inst, "global", &data));
    CHECK(data.is_mutable && *(int32_t *)data.global_data == 5);
    wasm_global_handle_t global = wasm_runtime_get_export_global(inst, "global");
    wasm_val_t value = { .kind = WASM_I32, .of.i32 = 6 };
    CHECK(wasm_global_set_value(global, &value) && *(int32_t *)data.global_data == 6);
    wasm_table_handle_t table = wasm_runtime_get_export_table(inst, "table");
    CHECK(wasm_table_get_max_size(table) == 8);
    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, "raw");
    CHECK(wasm_table_set_func(table, 1, func));
    CHECK(wasm_runtime_get_table_func(inst, table, 1) != NULL);
    CHECK(wasm_runtime_get_export_tag_inst(inst, "tag") != NULL);
    WASMExternInstance list[2];
    CHECK(wasm_runtime_get_export_extern(inst, "memory", &list[0]));
    CHECK(list[0].kind == WASM_IMPORT_EXPORT_KIND_MEMORY);

    wasm_export_t export;
    wasm_runtime_get_export_type_by_name(module, "global", &export);
    global = wasm_runtime_create_immutable_global(module, export.u.global_type, &value);
    CHECK(global != NULL && !wasm_global_set_value(global, &value));
    wasm_runtime_destroy_global(module, global);
    wasm_import_t import;
    wasm_runtime_get_import_type(module, 0, &import);
    func = wasm_runtime_create_function(module, import.u.func_type, (void *)with_signature);
    CHECK(func != NULL);
    wasm_runtime_destroy_function(module, func);

    memset(list, 0, sizeof list);
    CHECK(wasm_runtime_create_imports_with_builtin(module, list, 2));
    WASMInstantiationArgsWithImports args = { .imports = list, .import_count = 2 };
    wasm_module_inst_t other =
        wasm_runtime_instantiate_ex_with_imports(module, &args, error, sizeof error);
    CHECK(other != NULL);
    wasm_runtime_destroy_imports(module, list);
    wasm_runtime_deinstantiate(other);
    other = wasm_runtime_instantiate_with_builtin_linker(module, 0, 0, error, sizeof error);
    CHECK(other != NULL);
    wasm_runtime_terminate(other);
    InstantiationArgs plain = { .max_memory_pages = 1 };
    wasm_module_inst_t third =
        wasm_runtime_instantiate_ex(module, &plain, error, sizeof error);
    CHECK(third != NULL && !wasm_runtime_enlarge_memory(third, 1));
    wasm_runtime_deinstantiate(third);
    CHECK(wasm_runtime_get_exception(other) != NULL);
    wasm_runtime_deinstantiate(other);
}

static void *
add(wasm_exec_env_t env, void *arg)
{
    uint32_t cells[1] = { *(uint32_t *)arg };
    wasm_function_inst_t func =
        wasm_runtime_lookup_function(wasm_runtime_get_module_inst(env), "add");
    CHECK(wasm_runtime_call_wasm(env, func, 1, cells));
    return arg;
}

static void
threads(void)
{
    wasm_module_t module = load_module("export_threads.wasm");
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    uint32_t amount = 20;
    wasm_thread_t thread;
    void *result;
    CHECK(wasm_runtime_spawn_thread(env, &thread, add, &amount) == 0);
    wasm_exec_env_t spawned = wasm_runtime_spawn_exec_env(env);
    CHECK(spawned != NULL && add(spawned, &amount) == &amount);
    wasm_runtime_destroy_spawned_exec_env(spawned);
    CHECK(wasm_runtime_join_thread(thread, &result) == 0 && result == &amount);
    CHECK(*(uint32_t *)wasm_runtime_addr_app_to_native(inst, 8) == 40);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
}

int
main(void)
{
    static _Alignas(16) char pool[65536];
    RuntimeInitArgs init = { .mem_alloc_type = Alloc_With_Pool,
                             .mem_alloc_option.pool = { pool, sizeof pool } };
    CHECK(wasm_runtime_full_init(&init));
    set_mode();
    runtime();
    wasm_module_t module = load_module("export_every.wasm");
    modules(module);
    wasm_module_inst_t inst = instance(module);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    int context = 3;
    void *key = wasm_runtime_create_context_key(destroy);
    wasm_runtime_set_context(inst, key, NULL);
    wasm_runtime_set_context_spread(inst, key, &context);
    CHECK(wasm_runtime_get_context(inst, key) == &context);
    memories(inst, env);
    calls(inst, env);
    linking(module, inst);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    CHECK(destroyed == 3);
    wasm_runtime_destroy_context_key(key);
    threads();
    CHECK(wasm_runtime_unregister_natives("every", raws));
    CHECK(wasm_runtime_unregister_natives("every", signed_ones));
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
