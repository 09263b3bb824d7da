/*
 * wasm_c_api.h: WebAssembly for C and C++, through the API that several runtimes share.
 *
 * WHO OWNS WHAT
 *
 * `own` marks what belongs to whom: a function that returns `own` gives it to its caller, one that
 * takes `own` keeps it. What a caller owns it deletes with the `_delete` of its type, once. Vectors
 * own their elements. Everything else is lent: by callers for the time of a call, by objects for as
 * long as they live.
 *
 * Owned objects may be deleted in any order: what one needs of another it keeps. A store ends with
 * its last handle, an entity when nothing refers to it any more. A handle to an entity is a handle
 * only; `_copy` makes another one, and `_same` tells whether two lead to the same entity.
 *
 * WHAT CAN GO WRONG
 *
 * A function that returns a pointer returns NULL where it fails, one that returns bool returns
 * false, and functions that write vectors write empty ones. NULL, deleted objects, objects of the
 * wrong kind and of other stores are such failures, as far as they can be told; deleting NULL, or
 * something a second time, does nothing.
 *
 * THREADS
 *
 * Engines and shared modules may be used by all threads at once. A store, with everything that was
 * made in it, belongs to one thread at a time. A call that comes from another one meanwhile fails.
 *
 * FINALIZERS run on the thread whose call let go of the last reference, before that call returns.
 * References in wasm are found to be gone by a collection; at the latest a store's end is one.
 */
#ifndef _WASM_C_API_H_
#define _WASM_C_API_H_

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef WASM_API_EXTERN
#if defined(_MSC_BUILD) && defined(COMPILING_WASM_RUNTIME_API)
#define WASM_API_EXTERN __declspec(dllexport)
#elif defined(_MSC_BUILD)
#define WASM_API_EXTERN __declspec(dllimport)
#elif defined(__GNUC__) || defined(__clang__)
#define WASM_API_EXTERN __attribute__((visibility("default")))
#else
#define WASM_API_EXTERN
#endif
#endif

#if defined(__GNUC__) || defined(__clang__)
#define WASM_API_DEPRECATED __attribute__((deprecated))
#elif defined(_MSC_VER)
#define WASM_API_DEPRECATED __declspec(deprecated)
#else
#define WASM_API_DEPRECATED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */

#define own

typedef char byte_t;
typedef float float32_t;
typedef double float64_t;

/* ---- how kinds of objects are declared ---------------------------------------------------- */

/* An object with an owner. */
#define WASM_DECLARE_OWN(name)                                                                    \
    typedef struct wasm_##name##_t wasm_##name##_t;                                               \
    WASM_API_EXTERN void wasm_##name##_delete(own wasm_##name##_t *);

/*
 * A vector: `size` elements at `data`. The other fields are written for those who read them, and
 * never read. `_new_uninitialized` gives zeros; `_delete` deletes the elements and leaves an empty
 * vector behind.
 */
#define WASM_DECLARE_VEC(name, ptr_or_none)                                                       \
    typedef struct wasm_##name##_vec_t {                                                          \
        size_t size;                                                                              \
        wasm_##name##_t ptr_or_none *data;                                                        \
        size_t num_elems;                                                                         \
        size_t size_of_elem;                                                                      \
        void *lock;                                                                               \
    } wasm_##name##_vec_t;                                                                        \
    WASM_API_EXTERN void wasm_##name##_vec_new_empty(own wasm_##name##_vec_t *out);               \
    WASM_API_EXTERN void wasm_##name##_vec_new_uninitialized(own wasm_##name##_vec_t *out,        \
                                                             size_t);                             \
    WASM_API_EXTERN void wasm_##name##_vec_new(own wasm_##name##_vec_t *out, size_t,              \
                                               own wasm_##name##_t ptr_or_none const[]);          \
    WASM_API_EXTERN void wasm_##name##_vec_copy(own wasm_##name##_vec_t *out,                     \
                                                const wasm_##name##_vec_t *);                     \
    WASM_API_EXTERN void wasm_##name##_vec_delete(own wasm_##name##_vec_t *);

/* A type. */
#define WASM_DECLARE_TYPE(name)                                                                   \
    WASM_DECLARE_OWN(name)                                                                        \
    WASM_DECLARE_VEC(name, *)                                                                     \
    WASM_API_EXTERN own wasm_##name##_t *wasm_##name##_copy(const wasm_##name##_t *);

/*
 * A reference, but for its conversions. `host_info` is a pointer of the embedder that is attached
 * to the object itself, so that every handle to it finds it. The finalizer gets it when another one
 * is attached, or when the object is reclaimed.
 */
#define WASM_DECLARE_REF_FUNCTIONS(name)                                                          \
    WASM_API_EXTERN own wasm_##name##_t *wasm_##name##_copy(const wasm_##name##_t *);             \
    WASM_API_EXTERN bool wasm_##name##_same(const wasm_##name##_t *, const wasm_##name##_t *);    \
    WASM_API_EXTERN void *wasm_##name##_get_host_info(const wasm_##name##_t *);                   \
    WASM_API_EXTERN void wasm_##name##_set_host_info(wasm_##name##_t *, void *);                  \
    WASM_API_EXTERN void wasm_##name##_set_host_info_with_finalizer(wasm_##name##_t *, void *,    \
                                                                    void (*)(void *));

#define WASM_DECLARE_REF_BASE(name)                                                               \
    WASM_DECLARE_OWN(name)                                                                        \
    WASM_DECLARE_REF_FUNCTIONS(name)

/* Conversions give the same handle, or NULL where it is of another kind. */
#define WASM_DECLARE_REF_CASTS(name)                                                              \
    WASM_API_EXTERN wasm_ref_t *wasm_##name##_as_ref(wasm_##name##_t *);                          \
    WASM_API_EXTERN wasm_##name##_t *wasm_ref_as_##name(wasm_ref_t *);                            \
    WASM_API_EXTERN const wasm_ref_t *wasm_##name##_as_ref_const(const wasm_##name##_t *);        \
    WASM_API_EXTERN const wasm_##name##_t *wasm_ref_as_##name##_const(const wasm_ref_t *);

#define WASM_DECLARE_REF(name)                                                                    \
    WASM_DECLARE_REF_BASE(name)                                                                   \
    WASM_DECLARE_REF_CASTS(name)

/* ---- bytes and names ---------------------------------------------------------------------- */

typedef byte_t wasm_byte_t;
WASM_DECLARE_VEC(byte, )

typedef wasm_byte_vec_t wasm_name_t;

#define wasm_name wasm_byte_vec
#define wasm_name_new wasm_byte_vec_new
#define wasm_name_new_empty wasm_byte_vec_new_empty
#define wasm_name_new_new_uninitialized wasm_byte_vec_new_uninitialized
#define wasm_name_new_uninitialized wasm_byte_vec_new_uninitialized
#define wasm_name_copy wasm_byte_vec_copy
#define wasm_name_delete wasm_byte_vec_delete

static inline void
wasm_name_new_from_string(own wasm_name_t *out, const char *s)
{
    wasm_byte_vec_new(out, strlen(s), s);
}

/* With the zero at the end. */
static inline void
wasm_name_new_from_string_nt(own wasm_name_t *out, const char *s)
{
    wasm_byte_vec_new(out, strlen(s) + 1, s);
}

/* ---- configurations, engines, stores ------------------------------------------------------- */

#ifndef MEM_ALLOC_OPTION_DEFINED
#define MEM_ALLOC_OPTION_DEFINED
/* Where memory comes from that C gets and gives back. */
typedef enum {
    Alloc_With_Pool = 0,         /* a buffer; in this header the same as the system */
    Alloc_With_Allocator,        /* functions of the embedder */
    Alloc_With_System_Allocator, /* malloc */
} mem_alloc_type_t;

typedef union MemAllocOption {
    struct {
        void *heap_buf;
        uint32_t heap_size;
    } pool;
    struct {
        void *malloc_func;  /* void *(*)(unsigned int size) */
        void *realloc_func; /* void *(*)(void *, unsigned int size) */
        void *free_func;    /* void (*)(void *) */
        void *user_data;    /* not used */
    } allocator;
} MemAllocOption;
#endif /* MEM_ALLOC_OPTION_DEFINED */

WASM_DECLARE_OWN(config)

struct wasm_config_t {
    mem_alloc_type_t mem_alloc_type;
    MemAllocOption mem_alloc_option;
    uint32_t segue_flags;   /* no effect: no mode uses the register */
    bool enable_linux_perf; /* no effect */
};

/* Memory from the system, and the mode that the environment variable WAMR_MODE names (`interp`,
 * `jit`, or `aot`: compiled to an AOT file and loaded from that), or the first one of the build. */
WASM_API_EXTERN own wasm_config_t *wasm_config_new(void);
/* Setters return the configuration they are given. */
WASM_API_EXTERN own wasm_config_t *wasm_config_set_mem_alloc_opt(wasm_config_t *, mem_alloc_type_t,
                                                                 MemAllocOption *);
WASM_API_EXTERN own wasm_config_t *wasm_config_set_linux_perf_opt(wasm_config_t *, bool);
WASM_API_EXTERN wasm_config_t *wasm_config_set_segue_flags(wasm_config_t *config,
                                                           uint32_t segue_flags);
/* This library's own: the mode by its name; false where the build has none of that name. */
WASM_API_EXTERN bool wasm_config_set_mode(wasm_config_t *, const char *mode);

WASM_DECLARE_OWN(engine)

WASM_API_EXTERN own wasm_engine_t *wasm_engine_new(void);
/* The configuration is deleted with the engine, if it has not been before. */
WASM_API_EXTERN own wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
WASM_API_DEPRECATED WASM_API_EXTERN own wasm_engine_t *
wasm_engine_new_with_args(mem_alloc_type_t type, const MemAllocOption *opts);

WASM_DECLARE_OWN(store)

WASM_API_EXTERN own wasm_store_t *wasm_store_new(wasm_engine_t *);

/* ---- types of values ------------------------------------------------------------------------ */

typedef uint8_t wasm_mutability_t;
enum wasm_mutability_enum { WASM_CONST, WASM_VAR };

typedef struct wasm_limits_t {
    uint32_t min;
    uint32_t max; /* wasm_limits_max_default: none */
} wasm_limits_t;

static const uint32_t wasm_limits_max_default = 0xffffffff;

WASM_DECLARE_TYPE(valtype)

#ifndef WASM_VALKIND_T_DEFINED
#define WASM_VALKIND_T_DEFINED
typedef uint8_t wasm_valkind_t;
enum wasm_valkind_enum {
    WASM_I32,
    WASM_I64,
    WASM_F32,
    WASM_F64,
    WASM_V128,
    WASM_EXTERNREF = 128, /* any reference that is not to a function */
    WASM_FUNCREF,
};
#endif /* WASM_VALKIND_T_DEFINED */

WASM_API_EXTERN own wasm_valtype_t *wasm_valtype_new(wasm_valkind_t);
WASM_API_EXTERN wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *);

static inline bool
wasm_valkind_is_num(wasm_valkind_t kind)
{
    return kind < WASM_EXTERNREF;
}

static inline bool
wasm_valkind_is_ref(wasm_valkind_t kind)
{
    return kind >= WASM_EXTERNREF;
}

static inline bool
wasm_valtype_is_num(const wasm_valtype_t *type)
{
    return wasm_valkind_is_num(wasm_valtype_kind(type));
}

static inline bool
wasm_valtype_is_ref(const wasm_valtype_t *type)
{
    return wasm_valkind_is_ref(wasm_valtype_kind(type));
}

/* ---- types of external values --------------------------------------------------------------- */

WASM_DECLARE_TYPE(functype)
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new(own wasm_valtype_vec_t *params,
                                                       own wasm_valtype_vec_t *results);
WASM_API_EXTERN const wasm_valtype_vec_t *wasm_functype_params(const wasm_functype_t *);
WASM_API_EXTERN const wasm_valtype_vec_t *wasm_functype_results(const wasm_functype_t *);

WASM_DECLARE_TYPE(globaltype)
WASM_API_EXTERN own wasm_globaltype_t *wasm_globaltype_new(own wasm_valtype_t *,
                                                           wasm_mutability_t);
WASM_API_EXTERN const wasm_valtype_t *wasm_globaltype_content(const wasm_globaltype_t *);
WASM_API_EXTERN wasm_mutability_t wasm_globaltype_mutability(const wasm_globaltype_t *);

WASM_DECLARE_TYPE(tabletype)
WASM_API_EXTERN own wasm_tabletype_t *wasm_tabletype_new(own wasm_valtype_t *,
                                                         const wasm_limits_t *);
WASM_API_EXTERN const wasm_valtype_t *wasm_tabletype_element(const wasm_tabletype_t *);
WASM_API_EXTERN const wasm_limits_t *wasm_tabletype_limits(const wasm_tabletype_t *);

/* Limits are in pages. */
WASM_DECLARE_TYPE(memorytype)
WASM_API_EXTERN own wasm_memorytype_t *wasm_memorytype_new(const wasm_limits_t *);
WASM_API_EXTERN const wasm_limits_t *wasm_memorytype_limits(const wasm_memorytype_t *);

/* Tags of exceptions, whose payload is the parameters of the function type. */
WASM_DECLARE_TYPE(tagtype)
WASM_API_EXTERN own wasm_tagtype_t *wasm_tagtype_new(own wasm_functype_t *);
WASM_API_EXTERN const wasm_functype_t *wasm_tagtype_functype(const wasm_tagtype_t *);

WASM_DECLARE_TYPE(externtype)

typedef uint8_t wasm_externkind_t;
enum wasm_externkind_enum {
    WASM_EXTERN_FUNC,
    WASM_EXTERN_GLOBAL,
    WASM_EXTERN_TABLE,
    WASM_EXTERN_MEMORY,
    WASM_EXTERN_TAG,
};

WASM_API_EXTERN wasm_externkind_t wasm_externtype_kind(const wasm_externtype_t *);

#define WASM_DECLARE_EXTERNTYPE_CASTS(name)                                                       \
    WASM_API_EXTERN wasm_externtype_t *wasm_##name##_as_externtype(wasm_##name##_t *);            \
    WASM_API_EXTERN wasm_##name##_t *wasm_externtype_as_##name(wasm_externtype_t *);              \
    WASM_API_EXTERN const wasm_externtype_t *wasm_##name##_as_externtype_const(                   \
        const wasm_##name##_t *);                                                                 \
    WASM_API_EXTERN const wasm_##name##_t *wasm_externtype_as_##name##_const(                     \
        const wasm_externtype_t *);

WASM_DECLARE_EXTERNTYPE_CASTS(functype)
WASM_DECLARE_EXTERNTYPE_CASTS(globaltype)
WASM_DECLARE_EXTERNTYPE_CASTS(tabletype)
WASM_DECLARE_EXTERNTYPE_CASTS(memorytype)
WASM_DECLARE_EXTERNTYPE_CASTS(tagtype)

WASM_DECLARE_TYPE(importtype)
WASM_API_EXTERN own wasm_importtype_t *wasm_importtype_new(own wasm_name_t *module,
                                                           own wasm_name_t *name,
                                                           own wasm_externtype_t *);
WASM_API_EXTERN const wasm_name_t *wasm_importtype_module(const wasm_importtype_t *);
WASM_API_EXTERN const wasm_name_t *wasm_importtype_name(const wasm_importtype_t *);
WASM_API_EXTERN const wasm_externtype_t *wasm_importtype_type(const wasm_importtype_t *);
/* Whether the library itself has something of that name, for places that are left empty. */
WASM_API_EXTERN bool wasm_importtype_is_linked(const wasm_importtype_t *);

WASM_DECLARE_TYPE(exporttype)
WASM_API_EXTERN own wasm_exporttype_t *wasm_exporttype_new(own wasm_name_t *,
                                                           own wasm_externtype_t *);
WASM_API_EXTERN const wasm_name_t *wasm_exporttype_name(const wasm_exporttype_t *);
WASM_API_EXTERN const wasm_externtype_t *wasm_exporttype_type(const wasm_exporttype_t *);

/* ---- values ----------------------------------------------------------------------------------- */

#ifndef WASM_VAL_T_DEFINED
#define WASM_VAL_T_DEFINED
struct wasm_ref_t;

/* Vectors of 128 bits have no room: functions with such parameters or results cannot be called. */
typedef struct wasm_val_t {
    wasm_valkind_t kind;
    uint8_t _paddings[7];
    union {
        int32_t i32;
        int64_t i64;
        float32_t f32;
        float64_t f64;
        struct wasm_ref_t *ref;
    } of;
} wasm_val_t;
#endif /* WASM_VAL_T_DEFINED */

/* Values own their references. */
WASM_API_EXTERN void wasm_val_delete(own wasm_val_t *v);
WASM_API_EXTERN void wasm_val_copy(own wasm_val_t *out, const wasm_val_t *);

WASM_DECLARE_VEC(val, )

/* ---- references, traps, foreign objects ------------------------------------------------------- */

WASM_DECLARE_REF_BASE(ref)

WASM_DECLARE_OWN(frame)
WASM_DECLARE_VEC(frame, *)
WASM_API_EXTERN own wasm_frame_t *wasm_frame_copy(const wasm_frame_t *);

/*
 * The instance belongs to the frame. NULL where that is not known: frames of compiled code tell it
 * only if the module has one instance in the store, or if they have called the host.
 */
WASM_API_EXTERN struct wasm_instance_t *wasm_frame_instance(const wasm_frame_t *);
WASM_API_EXTERN uint32_t wasm_frame_func_index(const wasm_frame_t *);
/* In bytes of the module's binary format: from the function's first byte (0 for AOT files, which do
 * not say where that is), and from the module's. */
WASM_API_EXTERN size_t wasm_frame_func_offset(const wasm_frame_t *);
WASM_API_EXTERN size_t wasm_frame_module_offset(const wasm_frame_t *);

typedef wasm_name_t wasm_message_t; /* with a zero at its end */

WASM_DECLARE_REF(trap)
/* One made in a callback has the frames that led to it, until the callback returns it. */
WASM_API_EXTERN own wasm_trap_t *wasm_trap_new(wasm_store_t *store, const wasm_message_t *);
/* Messages of traps that came out of a call begin with "Exception: ", as in WAMR. */
WASM_API_EXTERN void wasm_trap_message(const wasm_trap_t *, own wasm_message_t *out);
/* The innermost frame of wasm; NULL where the trap passed through none. */
WASM_API_EXTERN own wasm_frame_t *wasm_trap_origin(const wasm_trap_t *);
/* All frames of wasm that the trap passed through, innermost first. */
WASM_API_EXTERN void wasm_trap_trace(const wasm_trap_t *, own wasm_frame_vec_t *out);

/* This library's own: what went wrong last on this thread, in words. Calls that succeed leave it as
 * it is. */
WASM_API_EXTERN void wasm_last_error(own wasm_message_t *out);

/* Objects of the embedder, which are what is attached to them. */
WASM_DECLARE_REF(foreign)
WASM_API_EXTERN own wasm_foreign_t *wasm_foreign_new(wasm_store_t *);

/* ---- modules ---------------------------------------------------------------------------------- */

#ifndef WASM_MODULE_T_DEFINED
#define WASM_MODULE_T_DEFINED
struct WASMModuleCommon;
typedef struct WASMModuleCommon *wasm_module_t;
#endif /* WASM_MODULE_T_DEFINED */

#ifndef LOAD_ARGS_OPTION_DEFINED
#define LOAD_ARGS_OPTION_DEFINED
typedef struct LoadArgs {
    char *name;                /* for a module that does not name itself; may be NULL */
    bool clone_wasm_binary;    /* no effect here: modules keep bytes of their own */
    bool wasm_binary_freeable; /* no effect here: the bytes may always be freed */
    bool no_resolve;           /* no effect here: imports are resolved with instances */
} LoadArgs;
#endif /* LOAD_ARGS_OPTION_DEFINED */

/* From the binary format, or from an AOT file. AOT files hold native code, which is run as it is: give
 * none that you do not trust like the program itself. */
WASM_API_EXTERN own wasm_module_t *wasm_module_new(wasm_store_t *, const wasm_byte_vec_t *binary);
WASM_API_EXTERN own wasm_module_t *wasm_module_new_ex(wasm_store_t *, wasm_byte_vec_t *binary,
                                                      LoadArgs *args);
WASM_API_EXTERN void wasm_module_delete(own wasm_module_t *);
WASM_DECLARE_REF_FUNCTIONS(module)
WASM_DECLARE_REF_CASTS(module)

WASM_API_EXTERN bool wasm_module_validate(wasm_store_t *, const wasm_byte_vec_t *binary);
/* In the order of the module. */
WASM_API_EXTERN void wasm_module_imports(const wasm_module_t *, own wasm_importtype_vec_t *out);
WASM_API_EXTERN void wasm_module_exports(const wasm_module_t *, own wasm_exporttype_vec_t *out);

/* An AOT file where the module was compiled, else the binary format. */
WASM_API_EXTERN void wasm_module_serialize(const wasm_module_t *, own wasm_byte_vec_t *out);
WASM_API_EXTERN own wasm_module_t *wasm_module_deserialize(wasm_store_t *,
                                                           const wasm_byte_vec_t *);

/* What threads hand each other; each makes a module of it for a store of its own. */
typedef wasm_module_t wasm_shared_module_t;
WASM_API_EXTERN own wasm_shared_module_t *wasm_module_share(const wasm_module_t *);
WASM_API_EXTERN own wasm_module_t *wasm_module_obtain(wasm_store_t *,
                                                      const wasm_shared_module_t *);
WASM_API_EXTERN void wasm_shared_module_delete(own wasm_shared_module_t *);

WASM_API_EXTERN bool wasm_module_set_name(wasm_module_t *, const char *name);
/* An empty one where there is none; the module keeps it. */
WASM_API_EXTERN const char *wasm_module_get_name(wasm_module_t *);
/* Always: modules keep bytes of their own. */
WASM_API_EXTERN bool wasm_module_is_underlying_binary_freeable(const wasm_module_t *module);

/* ---- functions --------------------------------------------------------------------------------- */

WASM_DECLARE_REF(func)

/*
 * A callback owns nothing of `args`, writes `results`, whose handles it gives away, and returns
 * NULL, or a trap. It may call whatever it likes of this API.
 */
typedef own wasm_trap_t *(*wasm_func_callback_t)(const wasm_val_vec_t *args,
                                                 own wasm_val_vec_t *results);
typedef own wasm_trap_t *(*wasm_func_callback_with_env_t)(void *env, const wasm_val_vec_t *args,
                                                          wasm_val_vec_t *results);

WASM_API_EXTERN own wasm_func_t *wasm_func_new(wasm_store_t *, const wasm_functype_t *,
                                               wasm_func_callback_t);
WASM_API_EXTERN own wasm_func_t *wasm_func_new_with_env(wasm_store_t *,
                                                        const wasm_functype_t *type,
                                                        wasm_func_callback_with_env_t, void *env,
                                                        void (*finalizer)(void *));

WASM_API_EXTERN own wasm_functype_t *wasm_func_type(const wasm_func_t *);
WASM_API_EXTERN size_t wasm_func_param_arity(const wasm_func_t *);
WASM_API_EXTERN size_t wasm_func_result_arity(const wasm_func_t *);

/* NULL where the function returned; else a trap, and `results` is as it was. Both vectors may be
 * larger than needed, and NULL where nothing is. */
WASM_API_EXTERN own wasm_trap_t *wasm_func_call(const wasm_func_t *, const wasm_val_vec_t *args,
                                                wasm_val_vec_t *results);

/* ---- globals ----------------------------------------------------------------------------------- */

WASM_DECLARE_REF(global)
WASM_API_EXTERN own wasm_global_t *wasm_global_new(wasm_store_t *, const wasm_globaltype_t *,
                                                   const wasm_val_t *);
WASM_API_EXTERN own wasm_globaltype_t *wasm_global_type(const wasm_global_t *);
WASM_API_EXTERN void wasm_global_get(const wasm_global_t *, own wasm_val_t *out);
/* Does nothing where the global is immutable, or the value does not fit. */
WASM_API_EXTERN void wasm_global_set(wasm_global_t *, const wasm_val_t *);

/* ---- tables ------------------------------------------------------------------------------------ */

WASM_DECLARE_REF(table)
typedef uint32_t wasm_table_size_t;

WASM_API_EXTERN own wasm_table_t *wasm_table_new(wasm_store_t *, const wasm_tabletype_t *,
                                                 wasm_ref_t *init);
WASM_API_EXTERN own wasm_tabletype_t *wasm_table_type(const wasm_table_t *);
WASM_API_EXTERN own wasm_ref_t *wasm_table_get(const wasm_table_t *, wasm_table_size_t index);
WASM_API_EXTERN bool wasm_table_set(wasm_table_t *, wasm_table_size_t index, wasm_ref_t *);
WASM_API_EXTERN wasm_table_size_t wasm_table_size(const wasm_table_t *);
WASM_API_EXTERN bool wasm_table_grow(wasm_table_t *, wasm_table_size_t delta, wasm_ref_t *init);

/* ---- memories ---------------------------------------------------------------------------------- */

WASM_DECLARE_REF(memory)
typedef uint32_t wasm_memory_pages_t;
static const size_t MEMORY_PAGE_SIZE = 0x10000;

WASM_API_EXTERN own wasm_memory_t *wasm_memory_new(wasm_store_t *, const wasm_memorytype_t *);
WASM_API_EXTERN own wasm_memorytype_t *wasm_memory_type(const wasm_memory_t *);
/* The bytes, until the memory grows. */
WASM_API_EXTERN byte_t *wasm_memory_data(wasm_memory_t *);
WASM_API_EXTERN size_t wasm_memory_data_size(const wasm_memory_t *);
WASM_API_EXTERN wasm_memory_pages_t wasm_memory_size(const wasm_memory_t *);
WASM_API_EXTERN bool wasm_memory_grow(wasm_memory_t *, wasm_memory_pages_t delta);

/* ---- tags -------------------------------------------------------------------------------------- */

WASM_DECLARE_REF(tag)
WASM_API_EXTERN own wasm_tag_t *wasm_tag_new(wasm_store_t *, const wasm_tagtype_t *);
WASM_API_EXTERN own wasm_tagtype_t *wasm_tag_type(const wasm_tag_t *);

/* ---- external values --------------------------------------------------------------------------- */

WASM_DECLARE_REF(extern)
WASM_DECLARE_VEC(extern, *)

WASM_API_EXTERN wasm_externkind_t wasm_extern_kind(const wasm_extern_t *);
WASM_API_EXTERN own wasm_externtype_t *wasm_extern_type(const wasm_extern_t *);

#define WASM_DECLARE_EXTERN_CASTS(name)                                                           \
    WASM_API_EXTERN wasm_extern_t *wasm_##name##_as_extern(wasm_##name##_t *);                    \
    WASM_API_EXTERN wasm_##name##_t *wasm_extern_as_##name(wasm_extern_t *);                      \
    WASM_API_EXTERN const wasm_extern_t *wasm_##name##_as_extern_const(const wasm_##name##_t *);  \
    WASM_API_EXTERN const wasm_##name##_t *wasm_extern_as_##name##_const(const wasm_extern_t *);

WASM_DECLARE_EXTERN_CASTS(func)
WASM_DECLARE_EXTERN_CASTS(global)
WASM_DECLARE_EXTERN_CASTS(table)
WASM_DECLARE_EXTERN_CASTS(memory)
WASM_DECLARE_EXTERN_CASTS(tag)

/* A placeholder in a vector of imports, for what the library itself has. */
WASM_API_EXTERN own wasm_extern_t *wasm_extern_new_empty(wasm_store_t *, wasm_externkind_t);

/* ---- instances --------------------------------------------------------------------------------- */

WASM_DECLARE_REF(instance)

#ifndef INSTANTIATION_ARGS_OPTION_DEFINED
#define INSTANTIATION_ARGS_OPTION_DEFINED
/* No effect in this header: frames are in the stack of the store, instances have no heap of their
 * own, and the module's maxima hold. */
typedef struct InstantiationArgs {
    uint32_t default_stack_size;
    uint32_t host_managed_heap_size;
    uint32_t max_memory_pages;
} InstantiationArgs;
#endif /* INSTANTIATION_ARGS_OPTION_DEFINED */

/*
 * One external value for each import, in order. Where it is NULL, a placeholder, or beyond the end
 * of the vector, the library itself fills the place (with WASI, for example); an import that nobody
 * has is an error. Nothing that is given is changed: it may be given to any number of instances.
 *
 * Where there is no instance, `trap` is what the start function ended in, or says what does not
 * fit; it may be NULL.
 */
WASM_API_EXTERN own wasm_instance_t *wasm_instance_new(wasm_store_t *, const wasm_module_t *,
                                                       const wasm_extern_vec_t *imports,
                                                       own wasm_trap_t **trap);
WASM_API_EXTERN own wasm_instance_t *wasm_instance_new_with_args(
    wasm_store_t *, const wasm_module_t *, const wasm_extern_vec_t *imports,
    own wasm_trap_t **trap, const uint32_t stack_size, const uint32_t heap_size);
WASM_API_EXTERN own wasm_instance_t *wasm_instance_new_with_args_ex(
    wasm_store_t *, const wasm_module_t *, const wasm_extern_vec_t *imports,
    own wasm_trap_t **trap, const InstantiationArgs *inst_args);

/* In the order of the module. */
WASM_API_EXTERN void wasm_instance_exports(const wasm_instance_t *, own wasm_extern_vec_t *out);

/* Milliseconds, where somebody measures; nobody does, so that they are 0. */
WASM_API_EXTERN double wasm_instance_sum_wasm_exec_time(const wasm_instance_t *);
WASM_API_EXTERN double wasm_instance_get_wasm_func_exec_time(const wasm_instance_t *,
                                                             const char *);

/* ---- shorthands -------------------------------------------------------------------------------- */

#define WASM_EMPTY_VEC {0, NULL, 0, 0, NULL}
#define WASM_ARRAY_VEC(array)                                                                     \
    {sizeof(array) / sizeof(*(array)), array, sizeof(array) / sizeof(*(array)),                   \
     sizeof(*(array)), NULL}

#define WASM_DEFINE_VALTYPE_NEW(name, kind)                                                       \
    static inline own wasm_valtype_t *wasm_valtype_new_##name(void)                               \
    {                                                                                             \
        return wasm_valtype_new(kind);                                                            \
    }

WASM_DEFINE_VALTYPE_NEW(i32, WASM_I32)
WASM_DEFINE_VALTYPE_NEW(i64, WASM_I64)
WASM_DEFINE_VALTYPE_NEW(f32, WASM_F32)
WASM_DEFINE_VALTYPE_NEW(f64, WASM_F64)
WASM_DEFINE_VALTYPE_NEW(v128, WASM_V128)
WASM_DEFINE_VALTYPE_NEW(anyref, WASM_EXTERNREF)
WASM_DEFINE_VALTYPE_NEW(externref, WASM_EXTERNREF)
WASM_DEFINE_VALTYPE_NEW(funcref, WASM_FUNCREF)

/* Function types of up to three parameters and two results. */
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_0_0(void);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_1_0(own wasm_valtype_t *p);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_2_0(own wasm_valtype_t *p1,
                                                           own wasm_valtype_t *p2);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_3_0(own wasm_valtype_t *p1,
                                                           own wasm_valtype_t *p2,
                                                           own wasm_valtype_t *p3);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_0_1(own wasm_valtype_t *r);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_1_1(own wasm_valtype_t *p,
                                                           own wasm_valtype_t *r);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_2_1(own wasm_valtype_t *p1,
                                                           own wasm_valtype_t *p2,
                                                           own wasm_valtype_t *r);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_3_1(own wasm_valtype_t *p1,
                                                           own wasm_valtype_t *p2,
                                                           own wasm_valtype_t *p3,
                                                           own wasm_valtype_t *r);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_0_2(own wasm_valtype_t *r1,
                                                           own wasm_valtype_t *r2);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_1_2(own wasm_valtype_t *p,
                                                           own wasm_valtype_t *r1,
                                                           own wasm_valtype_t *r2);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_2_2(own wasm_valtype_t *p1,
                                                           own wasm_valtype_t *p2,
                                                           own wasm_valtype_t *r1,
                                                           own wasm_valtype_t *r2);
WASM_API_EXTERN own wasm_functype_t *wasm_functype_new_3_2(own wasm_valtype_t *p1,
                                                           own wasm_valtype_t *p2,
                                                           own wasm_valtype_t *p3,
                                                           own wasm_valtype_t *r1,
                                                           own wasm_valtype_t *r2);

static inline void
wasm_val_init_ptr(own wasm_val_t *out, void *p)
{
    memset(out, 0, sizeof *out);
#if UINTPTR_MAX == UINT32_MAX
    out->kind = WASM_I32;
    out->of.i32 = (int32_t)(intptr_t)p;
#else
    out->kind = WASM_I64;
    out->of.i64 = (int64_t)(intptr_t)p;
#endif
}

static inline void *
wasm_val_ptr(const wasm_val_t *val)
{
#if UINTPTR_MAX == UINT32_MAX
    return (void *)(intptr_t)val->of.i32;
#else
    return (void *)(intptr_t)val->of.i64;
#endif
}

#define WASM_I32_VAL(i) {.kind = WASM_I32, ._paddings = {0}, .of = {.i32 = i}}
#define WASM_I64_VAL(i) {.kind = WASM_I64, ._paddings = {0}, .of = {.i64 = i}}
#define WASM_F32_VAL(z) {.kind = WASM_F32, ._paddings = {0}, .of = {.f32 = z}}
#define WASM_F64_VAL(z) {.kind = WASM_F64, ._paddings = {0}, .of = {.f64 = z}}
#define WASM_REF_VAL(r) {.kind = WASM_EXTERNREF, ._paddings = {0}, .of = {.ref = r}}
#define WASM_INIT_VAL {.kind = WASM_EXTERNREF, ._paddings = {0}, .of = {.ref = NULL}}

#define KILOBYTE(n) ((n) * 1024)

#undef own

/* clang-format on */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* _WASM_C_API_H_ */
