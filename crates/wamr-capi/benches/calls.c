/*
 * What calls cost: from C into wasm, and from wasm to C and back. Run it in the directory of
 * `.ci/c-tests`' modules, against a library of the profile `release`:
 *
 *     cc -O2 calls.c $(pkg-config --cflags --libs iwasm) && WAMR_MODE=jit ./a.out
 */
#include <time.h>

#include "../tests/c/check.h"

enum { CALLS = 2000000 };

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static wasm_trap_t *
twice(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    results->data[0].of.i32 = 2 * args->data[0].of.i32;
    return NULL;
}

static wasm_trap_t *
counter(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args;
    results->data[0].of.i64 = 1;
    return NULL;
}

static double
measure(const wasm_func_t *func, wasm_val_t *args, size_t arg_count)
{
    double best = 1e300;
    for (int round = 0; round < 5; round++) {
        double start = now();
        for (int i = 0; i < CALLS / 5; i++) {
            wasm_val_t results[1] = { WASM_INIT_VAL };
            call(func, args, arg_count, results, 1);
        }
        double took = (now() - start) / (CALLS / 5);
        best = took < best ? took : best;
    }
    return best;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_functype_t *unary = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
    wasm_functype_t *getter = wasm_functype_new_0_1(wasm_valtype_new_i64());
    wasm_extern_t *externs[] = { wasm_func_as_extern(wasm_func_new(store, unary, twice)),
                                 wasm_func_as_extern(wasm_func_new(store, getter, counter)) };
    wasm_instance_t *instance = instantiate(store, "callback.wasm", externs, 2);
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_val_t args[2] = { WASM_I32_VAL(3), WASM_I32_VAL(4) };
    double into = measure(wasm_extern_as_func(exports.data[1]), args, 1);
    double both = measure(wasm_extern_as_func(exports.data[0]), args, 2);
    printf("into wasm: %.0f ns; from wasm to C and back: %.0f ns\n", into, (both - into) / 2);
    return 0;
}
