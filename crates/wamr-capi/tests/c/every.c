/* What every kind of object has, for each kind: copies, identity, what is attached, conversions,
 * vectors. */
#include "check.h"

static int attached, finalized;

static void
finalize(void *data)
{
    CHECK(data == &attached);
    finalized++;
}

static wasm_trap_t *
nothing(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args, (void)results;
    return NULL;
}

/* Consumes two different objects of a kind. */
#define CHECK_REF_FUNCTIONS(name, a, b)                                                  \
    do {                                                                                 \
        wasm_##name##_t *copy = wasm_##name##_copy(a);                                   \
        CHECK(copy != NULL && wasm_##name##_same(a, copy));                              \
        CHECK(!wasm_##name##_same(a, b) && !wasm_##name##_same(a, NULL));                \
        CHECK(wasm_##name##_get_host_info(a) == NULL);                                   \
        wasm_##name##_set_host_info(a, &finalized);                                      \
        CHECK(wasm_##name##_get_host_info(copy) == &finalized);                          \
        CHECK(wasm_##name##_get_host_info(b) == NULL);                                   \
        wasm_##name##_set_host_info_with_finalizer(copy, &attached, finalize);           \
        CHECK(wasm_##name##_get_host_info(a) == &attached);                              \
        int before = finalized;                                                          \
        wasm_##name##_set_host_info(a, NULL);                                            \
        CHECK(finalized == before + 1);                                                  \
        wasm_##name##_delete(copy);                                                      \
        wasm_##name##_delete(copy);                                                      \
        wasm_##name##_delete(a);                                                         \
        wasm_##name##_delete(b);                                                         \
    } while (0)

#define CHECK_REF(name, a, b)                                                            \
    do {                                                                                 \
        wasm_##name##_t *one = a, *two = b;                                              \
        wasm_ref_t *ref = wasm_##name##_as_ref(one);                                     \
        CHECK(ref != NULL && wasm_ref_as_##name(ref) == one);                            \
        CHECK(wasm_##name##_as_ref_const(one) == ref);                                   \
        CHECK(wasm_ref_as_##name##_const(ref) == one);                                   \
        CHECK(wasm_ref_as_##name((wasm_ref_t *)type) == NULL);                           \
        CHECK_REF_FUNCTIONS(name, one, two);                                             \
    } while (0)

#define CHECK_EXTERN(name, kind, a)                                                      \
    do {                                                                                 \
        wasm_##name##_t *it = a;                                                         \
        wasm_extern_t *value = wasm_##name##_as_extern(it);                              \
        CHECK(value != NULL && wasm_extern_kind(value) == kind);                         \
        CHECK(wasm_extern_as_##name(value) == it);                                       \
        CHECK(wasm_##name##_as_extern_const(it) == value);                               \
        CHECK(wasm_extern_as_##name##_const(value) == it);                               \
        CHECK((wasm_extern_as_func_const(value) != NULL) == (kind == WASM_EXTERN_FUNC)); \
        wasm_##name##_delete(it);                                                        \
    } while (0)

/* Consumes an object of a kind. */
#define CHECK_VEC(name, object)                                                          \
    do {                                                                                 \
        wasm_##name##_vec_t vec, copy;                                                   \
        wasm_##name##_vec_new_empty(&vec);                                               \
        CHECK(vec.size == 0 && vec.data == NULL);                                        \
        wasm_##name##_vec_new_uninitialized(&vec, 3);                                    \
        CHECK(vec.size == 3 && vec.data[0] == NULL && vec.size_of_elem == sizeof(void *)); \
        wasm_##name##_vec_delete(&vec);                                                  \
        wasm_##name##_t *elements[1] = { object };                                       \
        CHECK(elements[0] != NULL);                                                      \
        wasm_##name##_vec_new(&vec, 1, elements);                                        \
        CHECK(vec.size == 1 && vec.num_elems == 1 && vec.data[0] == elements[0]);        \
        wasm_##name##_vec_copy(&copy, &vec);                                             \
        CHECK(copy.size == 1 && copy.data[0] != NULL && copy.data[0] != vec.data[0]);    \
        wasm_##name##_vec_delete(&vec);                                                  \
        wasm_##name##_vec_delete(&copy);                                                 \
        CHECK(copy.size == 0);                                                           \
    } while (0)

#define CHECK_TYPE(name, object)                                                         \
    do {                                                                                 \
        wasm_##name##_t *first = object, *second = wasm_##name##_copy(first);            \
        CHECK(second != NULL && second != first);                                        \
        wasm_##name##_delete(first);                                                     \
        CHECK(wasm_##name##_copy(first) == NULL);                                        \
        CHECK_VEC(name, second);                                                         \
    } while (0)

#define CHECK_EXTERNTYPE(name, object)                                                   \
    do {                                                                                 \
        wasm_##name##_t *it = object;                                                    \
        wasm_externtype_t *type = wasm_##name##_as_externtype(it);                       \
        CHECK(wasm_externtype_as_##name(type) == it);                                    \
        CHECK(wasm_##name##_as_externtype_const(it) == type);                            \
        CHECK(wasm_externtype_as_##name##_const(type) == it);                            \
        CHECK_TYPE(name, it);                                                            \
    } while (0)

static wasm_store_t *store;
static wasm_functype_t *type;

static wasm_global_t *
new_global(void)
{
    wasm_val_t value = WASM_I32_VAL(1);
    wasm_globaltype_t *of = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_VAR);
    wasm_global_t *global = wasm_global_new(store, of, &value);
    wasm_globaltype_delete(of);
    return global;
}

static wasm_table_t *
new_table(void)
{
    wasm_limits_t limits = { 1, 2 };
    wasm_tabletype_t *of = wasm_tabletype_new(wasm_valtype_new_funcref(), &limits);
    wasm_table_t *table = wasm_table_new(store, of, NULL);
    wasm_tabletype_delete(of);
    return table;
}

static wasm_memory_t *
new_memory(void)
{
    wasm_limits_t limits = { 1, 2 };
    wasm_memorytype_t *of = wasm_memorytype_new(&limits);
    wasm_memory_t *memory = wasm_memory_new(store, of);
    wasm_memorytype_delete(of);
    return memory;
}

static wasm_tag_t *
new_tag(void)
{
    wasm_tagtype_t *of = wasm_tagtype_new(wasm_functype_new_0_0());
    wasm_tag_t *tag = wasm_tag_new(store, of);
    wasm_tagtype_delete(of);
    return tag;
}

static wasm_func_t *
new_func(void)
{
    return wasm_func_new(store, type, nothing);
}

static wasm_importtype_t *
new_import(void)
{
    wasm_name_t module, name;
    wasm_name_new_from_string(&module, "a");
    wasm_name_new_from_string(&name, "b");
    return wasm_importtype_new(&module, &name, wasm_functype_as_externtype(wasm_functype_new_0_0()));
}

static wasm_exporttype_t *
new_export(void)
{
    wasm_name_t name;
    wasm_name_new_from_string(&name, "a");
    return wasm_exporttype_new(&name, wasm_functype_as_externtype(wasm_functype_new_0_0()));
}

static wasm_frame_t *
new_frame(void)
{
    wasm_module_t *module = load(store, "start.wasm");
    wasm_trap_t *trap = NULL;
    CHECK(wasm_instance_new(store, module, NULL, &trap) == NULL);
    wasm_module_delete(module);
    wasm_frame_t *frame = wasm_trap_origin(trap);
    wasm_trap_delete(trap);
    return frame;
}

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new_with_config(wasm_config_new());
    store = wasm_store_new(engine);
    type = wasm_functype_new_0_0();

    CHECK_REF(func, new_func(), new_func());
    CHECK_REF(global, new_global(), new_global());
    CHECK_REF(table, new_table(), new_table());
    CHECK_REF(memory, new_memory(), new_memory());
    CHECK_REF(tag, new_tag(), new_tag());
    CHECK_REF(foreign, wasm_foreign_new(store), wasm_foreign_new(store));
    CHECK_REF(trap, wasm_trap_new(store, NULL), wasm_trap_new(store, NULL));
    CHECK_REF(module, load(store, "hello.wasm"), load(store, "hello.wasm"));
    CHECK_REF(instance, instantiate(store, "table.wasm", NULL, 0),
              instantiate(store, "table.wasm", NULL, 0));
    CHECK_REF(extern, wasm_memory_as_extern(new_memory()), wasm_func_as_extern(new_func()));
    wasm_ref_t *a = wasm_func_as_ref(new_func()), *b = wasm_foreign_as_ref(wasm_foreign_new(store));
    CHECK_REF_FUNCTIONS(ref, a, b);

    CHECK_EXTERN(func, WASM_EXTERN_FUNC, new_func());
    CHECK_EXTERN(global, WASM_EXTERN_GLOBAL, new_global());
    CHECK_EXTERN(table, WASM_EXTERN_TABLE, new_table());
    CHECK_EXTERN(memory, WASM_EXTERN_MEMORY, new_memory());
    CHECK_EXTERN(tag, WASM_EXTERN_TAG, new_tag());

    wasm_limits_t limits = { 1, 2 };
    CHECK_EXTERNTYPE(functype, wasm_functype_new_0_0());
    CHECK_EXTERNTYPE(globaltype, wasm_globaltype_new(wasm_valtype_new_i32(), WASM_VAR));
    CHECK_EXTERNTYPE(tabletype, wasm_tabletype_new(wasm_valtype_new_funcref(), &limits));
    CHECK_EXTERNTYPE(memorytype, wasm_memorytype_new(&limits));
    CHECK_EXTERNTYPE(tagtype, wasm_tagtype_new(wasm_functype_new_0_0()));
    CHECK_TYPE(externtype, wasm_memorytype_as_externtype(wasm_memorytype_new(&limits)));
    CHECK_TYPE(valtype, wasm_valtype_new_externref());
    CHECK_TYPE(importtype, new_import());
    CHECK_TYPE(exporttype, new_export());
    CHECK_TYPE(frame, new_frame());
    CHECK_VEC(extern, wasm_memory_as_extern(new_memory()));

    wasm_byte_vec_t bytes, copy;
    wasm_byte_vec_new_empty(&bytes);
    wasm_byte_vec_new(&bytes, 3, "abc");
    wasm_byte_vec_copy(&copy, &bytes);
    CHECK(copy.size == 3 && memcmp(copy.data, "abc", 3) == 0);
    wasm_byte_vec_delete(&bytes);
    wasm_byte_vec_delete(&copy);
    wasm_val_vec_t values;
    wasm_val_vec_new_empty(&values);
    wasm_val_vec_new_uninitialized(&values, 2);
    CHECK(values.size == 2 && values.data[1].kind == WASM_I32);
    values.data[0].kind = WASM_FUNCREF;
    values.data[0].of.ref = wasm_func_as_ref(new_func());
    wasm_val_vec_delete(&values);

    /* All shorthands for function types. */
#define I wasm_valtype_new_i32()
    wasm_functype_t *types[] = {
        wasm_functype_new_0_0(),           wasm_functype_new_1_0(I),
        wasm_functype_new_2_0(I, I),       wasm_functype_new_3_0(I, I, I),
        wasm_functype_new_0_1(I),          wasm_functype_new_1_1(I, I),
        wasm_functype_new_2_1(I, I, I),    wasm_functype_new_3_1(I, I, I, I),
        wasm_functype_new_0_2(I, I),       wasm_functype_new_1_2(I, I, I),
        wasm_functype_new_2_2(I, I, I, I), wasm_functype_new_3_2(I, I, I, I, I),
    };
    for (size_t i = 0; i < 12; i++) {
        CHECK(wasm_functype_params(types[i])->size == i % 4);
        CHECK(wasm_functype_results(types[i])->size == i / 4);
        wasm_functype_delete(types[i]);
    }

    wasm_functype_delete(type);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    engine = wasm_engine_new_with_args(Alloc_With_System_Allocator, NULL);
    CHECK(engine != NULL);
    wasm_engine_delete(engine);
    return 0;
}
