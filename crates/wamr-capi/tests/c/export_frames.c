/* What natives see of the call stack that they are called from. */
#include "export_check.h"

enum { LOOK, ENTER, OTHER };

static WASMCApiFrame seen[600];
static uint32_t seen_count;
static char seen_text[8192];
static wasm_module_inst_t other;

static void
look(wasm_exec_env_t env)
{
    char error[128];
    seen_count = wasm_copy_callstack(env, seen, 600, 0, error, sizeof error);
    uint32_t size = wasm_runtime_get_call_stack_buf_size(env);
    CHECK(size > 1 && size <= sizeof seen_text);
    CHECK(wasm_runtime_dump_call_stack_to_buf(env, seen_text, sizeof seen_text) == size);
    CHECK(seen_text[size - 1] == 0 && strlen(seen_text) == size - 1);
    /* A buffer that is too small holds a part. */
    char part[8];
    CHECK(wasm_runtime_dump_call_stack_to_buf(env, part, sizeof part) == sizeof part);
    CHECK(memcmp(part, seen_text, 7) == 0 && part[7] == 0);
    /* So does a list, which may begin further out. */
    WASMCApiFrame one[2] = { { .func_index = 77 }, { .func_index = 77 } };
    CHECK(wasm_copy_callstack(env, one, 1, 0, error, sizeof error) == 1);
    CHECK(one[0].func_index == seen[0].func_index && one[1].func_index == 77);
    uint32_t rest = wasm_copy_callstack(env, one, 1, seen_count - 1, error, sizeof error);
    CHECK(rest == 1 && one[0].func_index == seen[seen_count - 1].func_index);
    CHECK(wasm_copy_callstack(env, one, 2, seen_count, error, sizeof error) == 0);
    CHECK(wasm_copy_callstack(env, NULL, 2, 0, error, sizeof error) == 0);
}

static int32_t
typed(wasm_exec_env_t env, int32_t what)
{
    if (what == LOOK) {
        look(env);
        return 0;
    }
    wasm_module_inst_t inst = what == OTHER ? other : get_module_inst(env);
    wasm_function_inst_t raw = wasm_runtime_lookup_function(inst, "raw");
    uint32_t cells[1] = { LOOK };
    CHECK(wasm_runtime_call_wasm(env, raw, 1, cells));
    return (int32_t)cells[0];
}

static void
raw(wasm_exec_env_t env, uint64_t *args)
{
    look(env);
    args[0] = 5;
}

static void
check(uint32_t at, wasm_module_inst_t inst, uint32_t func, const char *name)
{
    CHECK(at < seen_count && seen[at].instance == inst && seen[at].func_index == func);
    CHECK(seen[at].module_offset > 0);
    CHECK(name ? strcmp(seen[at].func_name_wp, name) == 0 : seen[at].func_name_wp == NULL);
    CHECK(!name || strstr(seen_text, name));
}

static uint32_t
run(wasm_module_inst_t inst, const char *name, uint32_t arg)
{
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst);
    uint32_t cells[1] = { arg };
    seen_count = 0;
    CHECK(wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, name), 1, cells));
    return cells[0];
}

int
main(void)
{
    char error[128];
    CHECK(wasm_runtime_init());
    set_mode();
    NativeSymbol typeds[] = { EXPORT_WASM_API_WITH_SIG(typed, "(i)i") };
    NativeSymbol raws[] = { { "raw", (void *)raw, NULL, NULL } };
    CHECK(wasm_runtime_register_natives("frames", typeds, 1));
    CHECK(wasm_runtime_register_natives_raw("frames", raws, 1));
    wasm_module_t module = load_module("export_frames.wasm");
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    CHECK(inst != NULL);
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst);

    /* Nobody runs. */
    CHECK(wasm_copy_callstack(env, seen, 600, 0, error, sizeof error) == 0);
    CHECK(wasm_runtime_get_call_stack_buf_size(env) == 1);

    CHECK(run(inst, "typed", LOOK) == 1 && seen_count == 2);
    check(0, inst, 2, "below");
    check(1, inst, 3, NULL);
    uint32_t outer = seen[1].module_offset;
    CHECK(seen[0].module_offset != outer);

    CHECK(run(inst, "raw", LOOK) == 5 && seen_count == 1);
    check(0, inst, 4, "by_raw");

    /* Through a native that calls wasm again. */
    CHECK(run(inst, "typed", ENTER) == 6 && seen_count == 3);
    check(0, inst, 4, "by_raw");
    check(1, inst, 2, "below");
    check(2, inst, 3, NULL);
    CHECK(seen[2].module_offset == outer);
    wasm_runtime_dump_call_stack(env);

    /* More than the text has. */
    CHECK(run(inst, "deep", 400) == 400 && seen_count == 401);
    check(0, inst, 5, "deep");
    check(400, inst, 5, "deep");
    CHECK(strstr(seen_text, "more") != NULL);

    /* An instance of another group has a stack of its own. */
    other = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    CHECK(other != NULL);
    CHECK(run(inst, "typed", OTHER) == 6 && seen_count == 1);
    check(0, other, 4, "by_raw");

    /* Without any native it is that of the last exception. */
    uint32_t none[1];
    CHECK(!wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "traps"), 0, none));
    CHECK(wasm_copy_callstack(env, seen, 600, 0, error, sizeof error) == 1);
    CHECK(seen[0].func_index == 6 && seen[0].instance == inst);
    CHECK(wasm_runtime_dump_call_stack_to_buf(env, seen_text, sizeof seen_text) > 1);
    CHECK(strstr(seen_text, "traps") != NULL);

    wasm_runtime_deinstantiate(other);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
