/* A limit of instructions, in a program that knows nothing of switching their counting on: the
   environment does. */
#include "export_check.h"

int
main(void)
{
    char error[128];
    CHECK(setenv("WAMR_METERING", "1", 1) == 0);
    CHECK(wasm_runtime_init());
    set_mode();
    wasm_module_t module = load_module("export_spin.wasm");
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    wasm_runtime_set_instruction_count_limit(env, 1000);
    CHECK(!wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "spin"), 0, NULL));
    CHECK(strstr(wasm_runtime_get_exception(inst), "fuel") != NULL);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
