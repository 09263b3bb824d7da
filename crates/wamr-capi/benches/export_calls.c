/*
 * What calls cost over wasm_export.h, from C into wasm and from wasm to C and back, and what
 * memory an instance takes. Run it in the directory of `.ci/c-tests`' modules, against a library
 * of the profile `release`:
 *
 *     cc -O2 export_calls.c $(pkg-config --cflags --libs iwasm) && WAMR_MODE=jit ./a.out
 */
#include <time.h>

#include "../tests/c/export_check.h"

enum { CALLS = 400000, ROUNDS = 5, INSTANCES = 2000 };

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void
raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    args[0] += 1;
}

static int32_t
with_signature(wasm_exec_env_t env, int32_t at, uint32_t length)
{
    (void)env;
    return at + (int32_t)length;
}

static double
measure(wasm_module_inst_t inst, wasm_exec_env_t env, const char *name, uint32_t count)
{
    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, name);
    double best = 1e300;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < CALLS; i++) {
            uint32_t cells[2] = { 1, 2 };
            CHECK(wasm_runtime_call_wasm(env, func, count, cells));
        }
        double took = (now() - start) / CALLS;
        best = took < best ? took : best;
    }
    return best;
}

static double
resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size, resident;
    CHECK(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2);
    fclose(file);
    return (double)resident * 4;
}

int
main(void)
{
    char error[128];
    CHECK(wasm_runtime_init());
    set_mode();
    NativeSymbol raws[] = { { "raw", (void *)raw, NULL, NULL } };
    NativeSymbol others[] = { { "signed", (void *)with_signature, "(ii)i", NULL } };
    CHECK(wasm_runtime_register_natives_raw("every", raws, 1));
    CHECK(wasm_runtime_register_natives("every", others, 1));
    wasm_module_t module = load_module("export_every.wasm");
    wasm_module_t small = load_module("export_spin.wasm");
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    double into = measure(inst, env, "leaf", 1);
    printf("into wasm: %.0f ns; from wasm to C and back: raw %.0f ns, with a signature %.0f ns\n",
           into, measure(inst, env, "raw", 1) - into, measure(inst, env, "signed", 2) - into);

    static wasm_module_inst_t instances[INSTANCES];
    wasm_module_t modules[] = { small, module };
    for (int which = 0; which < 2; which++) {
        double before = resident_kib();
        for (int i = 0; i < INSTANCES; i++) {
            instances[i] = wasm_runtime_instantiate(modules[which], 0, 0, error, sizeof error);
            CHECK(instances[i] != NULL);
        }
        printf("an instance with %s memory: %.1f KiB\n", which ? "a" : "no",
               (resident_kib() - before) / INSTANCES);
        for (int i = 0; i < INSTANCES; i++) {
            wasm_runtime_deinstantiate(instances[i]);
        }
    }
    return 0;
}
