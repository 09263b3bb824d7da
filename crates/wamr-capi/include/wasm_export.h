/*
 * wasm_export.h: the API of programs that embed WAMR.
 *
 * Everything that functions here give out is opaque: a name, not an address that could be read.
 * Functions answer wrong use (null, a name of another kind, one that was destroyed) by failing,
 * wherever they can tell.
 *
 * There are no stores. Unrelated module instances run on different threads at once. Instances
 * that share memories, tables, globals, functions or tags form a group; a group runs on one
 * thread at a time, and others wait. What the host made joins a group when it is first given to
 * an instance. Groups join when an instance gets imports from several of them; if one of them is
 * running at that time, instantiation fails and says so. Natives may call into other groups; of
 * threads that would wait for each other for ever, the last to come is refused, and its call fails.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef _WASM_EXPORT_H
#define _WASM_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include "lib_export.h"

#ifndef WASM_RUNTIME_API_EXTERN
#if defined(_MSC_BUILD)
#define WASM_RUNTIME_API_EXTERN __declspec(dllimport)
#elif defined(__GNUC__) || defined(__clang__)
#define WASM_RUNTIME_API_EXTERN __attribute__((visibility("default")))
#else
#define WASM_RUNTIME_API_EXTERN
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Types
 */

/* Define WASM_INSTANTIATE_LINKING before the first include to get the types of the branch that
   first declared instantiation linking: tables and globals are pointers, InstantiationArgs holds
   imports, and the functions that differ lead to their counterparts. */
#if defined(WASM_INSTANTIATE_LINKING)
#define wasm_runtime_instantiate_ex wasm_runtime_instantiate_ex_with_imports
#define wasm_runtime_get_export_global_inst wasm_runtime_get_export_global
#define wasm_runtime_get_export_table_inst wasm_runtime_get_export_table
#define wasm_table_get_func_inst wasm_runtime_get_table_func
#endif

/* Short names for natives that have `exec_env` or `module_inst` in scope. */
#define get_module_inst(exec_env) wasm_runtime_get_module_inst(exec_env)
#define validate_app_addr(offset, size) wasm_runtime_validate_app_addr(module_inst, offset, size)
#define validate_app_str_addr(offset) wasm_runtime_validate_app_str_addr(module_inst, offset)
#define addr_app_to_native(offset) wasm_runtime_addr_app_to_native(module_inst, offset)
#define addr_native_to_app(ptr) wasm_runtime_addr_native_to_app(module_inst, ptr)
#define module_malloc(size, p_native_addr) \
    wasm_runtime_module_malloc(module_inst, size, p_native_addr)
#define module_free(offset) wasm_runtime_module_free(module_inst, offset)

/* For raw natives: the place of the result, the next argument, and setting the result. */
#define native_raw_return_type(type, args) type *raw_ret = (type *)(args)
#define native_raw_get_arg(type, name, args) type name = *((type *)(args++))
#define native_raw_set_return(val) *raw_ret = (val)

#ifndef WASM_MODULE_T_DEFINED
#define WASM_MODULE_T_DEFINED
/* A loaded module. */
struct WASMModuleCommon;
typedef struct WASMModuleCommon *wasm_module_t;
#endif

/* Kinds of imports and exports. */
typedef enum {
    WASM_IMPORT_EXPORT_KIND_FUNC,
    WASM_IMPORT_EXPORT_KIND_TABLE,
    WASM_IMPORT_EXPORT_KIND_MEMORY,
    WASM_IMPORT_EXPORT_KIND_GLOBAL,
    WASM_IMPORT_EXPORT_KIND_TAG
} wasm_import_export_kind_t;

struct WASMFuncType;
typedef struct WASMFuncType *wasm_func_type_t;

struct WASMTableType;
typedef struct WASMTableType *wasm_table_type_t;

struct WASMGlobalType;
typedef struct WASMGlobalType *wasm_global_type_t;

#ifndef WASM_MEMORY_T_DEFINED
#define WASM_MEMORY_T_DEFINED
struct WASMMemory;
typedef struct WASMMemory WASMMemoryType;
#endif
typedef WASMMemoryType *wasm_memory_type_t;

/* The type of a tag is that of a function whose parameters are the payload. */
typedef wasm_func_type_t wasm_tag_type_t;

/* What a module imports. `linked` says whether a registered native or a built-in library has it. */
typedef struct wasm_import_t {
    const char *module_name;
    const char *name;
    wasm_import_export_kind_t kind;
    bool linked;
    union {
        wasm_func_type_t func_type;
        wasm_table_type_t table_type;
        wasm_global_type_t global_type;
        wasm_memory_type_t memory_type;
        wasm_tag_type_t tag_type;
    } u;
} wasm_import_t;

/* What a module exports. */
typedef struct wasm_export_t {
    const char *name;
    wasm_import_export_kind_t kind;
    union {
        wasm_func_type_t func_type;
        wasm_table_type_t table_type;
        wasm_global_type_t global_type;
        wasm_memory_type_t memory_type;
        wasm_tag_type_t tag_type;
    } u;
} wasm_export_t;

/* An instance of a module. */
struct WASMModuleInstanceCommon;
typedef struct WASMModuleInstanceCommon *wasm_module_inst_t;

/* A function. */
typedef void WASMFunctionInstanceCommon;
typedef WASMFunctionInstanceCommon *wasm_function_inst_t;

/* A memory. */
struct WASMMemoryInstance;
typedef struct WASMMemoryInstance *wasm_memory_inst_t;

/* A table, a global and a tag, as the functions of instantiation linking take and give them. */
struct WASMTableInstance;
typedef struct WASMTableInstance *wasm_table_handle_t;
struct WASMGlobalInstance;
typedef struct WASMGlobalInstance *wasm_global_handle_t;
struct WASMTagInstance;
typedef struct WASMTagInstance *wasm_tag_inst_t;

/* One frame of a call stack. Only the first five fields are filled. */
typedef struct wasm_frame_t {
    void *instance;
    uint32_t module_offset;
    uint32_t func_index;
    uint32_t func_offset;
    const char *func_name_wp;
    uint32_t *sp;
    uint8_t *frame_ref;
    uint32_t *lp;
} WASMCApiFrame;

/* A section of a module, without its id and size. */
typedef struct wasm_section_t {
    struct wasm_section_t *next;
    int section_type;
    uint8_t *section_body;
    uint32_t section_body_size;
} wasm_section_t, aot_section_t, *wasm_section_list_t, *aot_section_list_t;

/* What a thread calls functions with: an instance, user data and a limit of instructions. */
struct WASMExecEnv;
typedef struct WASMExecEnv *wasm_exec_env_t;

struct WASMSharedHeap;
typedef struct WASMSharedHeap *wasm_shared_heap_t;

/* Forms that modules come in. */
typedef enum {
    Wasm_Module_Bytecode = 0,
    Wasm_Module_AoT,
    Package_Type_Unknown = 0xFFFF
} package_type_t;

#ifndef MEM_ALLOC_OPTION_DEFINED
#define MEM_ALLOC_OPTION_DEFINED
/* Where wasm_runtime_malloc() takes memory from: a buffer, callbacks, or the system. */
typedef enum {
    Alloc_With_Pool = 0,
    Alloc_With_Allocator,
    Alloc_With_System_Allocator,
} mem_alloc_type_t;

typedef enum { Alloc_For_Runtime, Alloc_For_LinearMemory } mem_alloc_usage_t;

/* The buffer, or the callbacks: `void *(unsigned)`, `void *(void *, unsigned)` and
   `void (void *)`. They serve what the API hands out; linear memories, the heap of objects and
   the runtime's own structures are the system's. */
typedef union MemAllocOption {
    struct {
        void *heap_buf;
        uint32_t heap_size;
    } pool;
    struct {
        void *malloc_func;
        void *realloc_func;
        void *free_func;
        void *user_data;
    } allocator;
} MemAllocOption;
#endif

/* How full a pool is and was. */
typedef struct mem_alloc_info_t {
    uint32_t total_size;
    uint32_t total_free_size;
    uint32_t highmark_size;
} mem_alloc_info_t;

/* Modes of execution. One compiler stands behind all names of JITs. Where 0 is given, and where
   nothing is, the environment's WAMR_MODE ("interp", "jit") decides, or else the interpreter runs,
   if the library has it. */
typedef enum RunningMode {
    Mode_Interp = 1,
    Mode_Fast_JIT,
    Mode_LLVM_JIT,
    Mode_Multi_Tier_JIT,
} RunningMode;

/* How wasm_runtime_full_init() sets the runtime up. Settings of other engines' compilers and of
   the debugging server are taken and have no effect. */
typedef struct RuntimeInitArgs {
    mem_alloc_type_t mem_alloc_type;
    MemAllocOption mem_alloc_option;
    const char *native_module_name;
    NativeSymbol *native_symbols;
    uint32_t n_native_symbols;
    uint32_t max_thread_num;
    char ip_addr[128];
    int unused;
    int instance_port;
    uint32_t fast_jit_code_cache_size;
    uint32_t gc_heap_size;
    RunningMode running_mode;
    uint32_t llvm_jit_opt_level;
    uint32_t llvm_jit_size_level;
    uint32_t segue_flags;
    bool enable_linux_perf;
} RuntimeInitArgs;

#ifndef LOAD_ARGS_OPTION_DEFINED
#define LOAD_ARGS_OPTION_DEFINED
/* How a module is loaded. `wasm_binary_freeable`: the runtime copies the buffer.
   `no_resolve`: wasm_runtime_resolve_symbols() follows. `clone_wasm_binary` is for
   wasm_c_api.h. */
typedef struct LoadArgs {
    char *name;
    bool clone_wasm_binary;
    bool wasm_binary_freeable;
    bool no_resolve;
} LoadArgs;
#endif

#ifndef WASM_VALKIND_T_DEFINED
#define WASM_VALKIND_T_DEFINED
typedef uint8_t wasm_valkind_t;
enum wasm_valkind_enum {
    WASM_I32,
    WASM_I64,
    WASM_F32,
    WASM_F64,
    WASM_V128,
    WASM_EXTERNREF = 128,
    WASM_FUNCREF,
};
#endif

#ifndef WASM_VAL_T_DEFINED
#define WASM_VAL_T_DEFINED
struct wasm_ref_t;

/* A value. A function is its index in its module (-1 for null), unless it is given as a
   wasm_func_obj_t; a host object is the pointer `foreign`. */
typedef struct wasm_val_t {
    wasm_valkind_t kind;
    uint8_t _paddings[7];
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        uintptr_t foreign;
        struct wasm_ref_t *ref;
    } of;
} wasm_val_t;
#endif

#if defined(WASM_INSTANTIATE_LINKING)
typedef wasm_global_handle_t wasm_global_inst_t;
typedef wasm_table_handle_t wasm_table_inst_t;
#else
/* A global of an instance; numbers are read and, where it is mutable, written through
   `global_data`, which is NULL for references. */
typedef struct wasm_global_inst_t {
    wasm_valkind_t kind;
    bool is_mutable;
    void *global_data;
} wasm_global_inst_t;

/* A table of an instance as it was when it was asked for. */
typedef struct wasm_table_inst_t {
    wasm_valkind_t elem_kind;
    uint32_t cur_size;
    uint32_t max_size;
    void *elems;
} wasm_table_inst_t;
#endif

/* An external value that is given for an import: found by name first; an entry without names
   stands for the import at its position in the list, and so does one whose field and kind are those
   of that import, where no import has both of its names. Entries of zeros are skipped. */
typedef struct WASMExternInstance {
    const char *module_name;
    const char *field_name;
    wasm_import_export_kind_t kind;
    union {
        wasm_memory_inst_t memory;
        wasm_table_handle_t table;
        wasm_global_handle_t global;
        wasm_function_inst_t function;
        wasm_tag_inst_t tag;
    } u;
    /* The instance that the value comes from, or NULL. Nothing depends on it. */
    wasm_module_inst_t dep_inst;
} WASMExternInstance, *wasm_extern_inst_t;

/* InstantiationArgs with a list of imports; see wasm_runtime_instantiate_ex_with_imports(). */
typedef struct WASMInstantiationArgsWithImports {
    uint32_t default_stack_size;
    uint32_t host_managed_heap_size;
    uint32_t max_memory_pages;
#if defined(__cplusplus)
    wasm_extern_inst_t imports;
#else
    const wasm_extern_inst_t imports;
#endif
    uint32_t import_count;
} WASMInstantiationArgsWithImports;

#ifndef INSTANTIATION_ARGS_OPTION_DEFINED
#define INSTANTIATION_ARGS_OPTION_DEFINED
#if defined(WASM_INSTANTIATE_LINKING)
typedef WASMInstantiationArgsWithImports InstantiationArgs;
#else
/* How a module is instantiated; 0 stands for a default. */
typedef struct InstantiationArgs {
    uint32_t default_stack_size;
    uint32_t host_managed_heap_size;
    uint32_t max_memory_pages;
} InstantiationArgs;
#endif
#endif

/* The same, to be set piece by piece. */
struct InstantiationArgs2;

typedef enum {
    WASM_LOG_LEVEL_FATAL = 0,
    WASM_LOG_LEVEL_ERROR = 1,
    WASM_LOG_LEVEL_WARNING = 2,
    WASM_LOG_LEVEL_DEBUG = 3,
    WASM_LOG_LEVEL_VERBOSE = 4
} log_level_t;

typedef struct SharedHeapInitArgs {
    uint32_t size;
    void *pre_allocated_addr;
} SharedHeapInitArgs;

/* Reads the module of a name into a buffer, and gives such a buffer back. */
typedef bool (*module_reader)(package_type_t module_type, const char *module_name,
                              uint8_t **p_buffer, uint32_t *p_size);
typedef void (*module_destroyer)(uint8_t *buffer, uint32_t size);

typedef void *(*wasm_thread_callback_t)(wasm_exec_env_t, void *);
typedef uintptr_t wasm_thread_t;

typedef enum {
    INTERNAL_ERROR,
    MAX_SIZE_REACHED,
} enlarge_memory_error_reason_t;

typedef void (*enlarge_memory_error_callback_t)(uint32_t inc_page_count,
                                                uint64_t current_memory_size,
                                                uint32_t memory_index,
                                                enlarge_memory_error_reason_t failure_reason,
                                                wasm_module_inst_t instance,
                                                wasm_exec_env_t exec_env, void *user_data);

/*
 * The runtime
 */

/* Starts the runtime; each success is undone by one wasm_runtime_destroy(). */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_init(void);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_full_init(RuntimeInitArgs *init_args);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy(void);

WASM_RUNTIME_API_EXTERN void wasm_runtime_set_log_level(log_level_t level);
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_version(uint32_t *major, uint32_t *minor,
                                                      uint32_t *patch);

/* The mode that instances run in from now on, unless another is set for one. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_running_mode_supported(RunningMode running_mode);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_default_running_mode(RunningMode running_mode);

/* Whether instructions are counted, which wasm_runtime_set_instruction_count_limit() needs. It is
   off at first unless the environment says WAMR_METERING=1, costs speed, and is to be set before
   the first module is loaded. Gives false if that is too late. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_instruction_metering(bool enable);

/* Whether functions that nobody supplies get a stub that fails when it is called, instead of
   failing instantiation. It is off at first. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_allow_unlinked_functions(bool allow);

/* Memory from where wasm_runtime_full_init() said. wasm_runtime_aligned_alloc() works with pools
   only; what it gives cannot be reallocated. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_malloc(unsigned int size);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_aligned_alloc(unsigned int size,
                                                         unsigned int alignment);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_realloc(void *ptr, unsigned int size);
WASM_RUNTIME_API_EXTERN void wasm_runtime_free(void *ptr);
/* False unless there is a pool. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_mem_alloc_info(mem_alloc_info_t *mem_alloc_info);

/* A thread that the embedder started calls the first before it calls anything that runs wasm, and
   the second at its end. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_init_thread_env(void);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_thread_env(void);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_thread_env_inited(void);

/*
 * Modules
 */

/* What a buffer or a module is, and its version: 1 for bytecode, and for AOT files the version of
   their form. */
WASM_RUNTIME_API_EXTERN package_type_t get_package_type(const uint8_t *buf, uint32_t size);
WASM_RUNTIME_API_EXTERN package_type_t wasm_runtime_get_file_package_type(const uint8_t *buf,
                                                                          uint32_t size);
WASM_RUNTIME_API_EXTERN package_type_t
wasm_runtime_get_module_package_type(const wasm_module_t module);
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_get_file_package_version(const uint8_t *buf,
                                                                       uint32_t size);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_get_module_package_version(const wasm_module_t module);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_get_current_package_version(package_type_t package_type);
/* No file is executed in place here: always false. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_xip_file(const uint8_t *buf, uint32_t size);

/* Who finds the modules that others import from by name. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_module_reader(const module_reader reader,
                                                            const module_destroyer destroyer);
/* Gives a module a name to be imported by. Neither module nor name may be registered already. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_register_module(const char *module_name,
                                                          wasm_module_t module, char *error_buf,
                                                          uint32_t error_buf_size);
WASM_RUNTIME_API_EXTERN wasm_module_t
wasm_runtime_find_module_registered(const char *module_name);

/* Loads a module. The buffer is never written to. It must stay as it is until the module is
   unloaded and its instances are gone, unless the module's binary is freeable. */
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_load(uint8_t *buf, uint32_t size,
                                                        char *error_buf,
                                                        uint32_t error_buf_size);
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_load_ex(uint8_t *buf, uint32_t size,
                                                           const LoadArgs *args,
                                                           char *error_buf,
                                                           uint32_t error_buf_size);
/* Whether everything that the module imports is there; names are looked up again when it is
   instantiated. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_resolve_symbols(wasm_module_t module);
/* Loads a module from its sections, which are copied. Lists of AOT sections are refused. */
WASM_RUNTIME_API_EXTERN wasm_module_t
wasm_runtime_load_from_sections(wasm_section_list_t section_list, bool is_aot, char *error_buf,
                                uint32_t error_buf_size);
/* Instances of the module live on. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_unload(wasm_module_t module);
/* There is no attestation: always NULL. */
WASM_RUNTIME_API_EXTERN char *wasm_runtime_get_module_hash(wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_module_name(wasm_module_t module,
                                                          const char *name, char *error_buf,
                                                          uint32_t error_buf_size);
/* The name that was set last, or "". */
WASM_RUNTIME_API_EXTERN const char *wasm_runtime_get_module_name(wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_is_underlying_binary_freeable(const wasm_module_t module);
/* The contents of a custom section, which live as long as the module. */
WASM_RUNTIME_API_EXTERN const uint8_t *
wasm_runtime_get_custom_section(const wasm_module_t module_comm, const char *name,
                                uint32_t *len);

/* Imports and exports in the order of their sections. Names and types live as long as the module.
   An index that there is not gives zeros. */
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_get_import_count(const wasm_module_t module);
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_import_type(const wasm_module_t module,
                                                          int32_t import_index,
                                                          wasm_import_t *import_type);
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_get_export_count(const wasm_module_t module);
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_export_type(const wasm_module_t module,
                                                          int32_t export_index,
                                                          wasm_export_t *export_type);
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_export_type_by_name(const wasm_module_t module,
                                                                  const char *name,
                                                                  wasm_export_t *export_type);

WASM_RUNTIME_API_EXTERN uint32_t
wasm_func_type_get_param_count(const wasm_func_type_t func_type);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_func_type_get_param_valkind(const wasm_func_type_t func_type, uint32_t param_index);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_func_type_get_result_count(const wasm_func_type_t func_type);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_func_type_get_result_valkind(const wasm_func_type_t func_type, uint32_t result_index);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_global_type_get_valkind(const wasm_global_type_t global_type);
WASM_RUNTIME_API_EXTERN bool wasm_global_type_get_mutable(const wasm_global_type_t global_type);
WASM_RUNTIME_API_EXTERN bool wasm_memory_type_get_shared(const wasm_memory_type_t memory_type);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_memory_type_get_init_page_count(const wasm_memory_type_t memory_type);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_memory_type_get_max_page_count(const wasm_memory_type_t memory_type);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_table_type_get_elem_kind(const wasm_table_type_t table_type);
WASM_RUNTIME_API_EXTERN bool wasm_table_type_get_shared(const wasm_table_type_t table_type);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_table_type_get_init_size(const wasm_table_type_t table_type);
WASM_RUNTIME_API_EXTERN uint32_t wasm_table_type_get_max_size(const wasm_table_type_t table_type);

/*
 * WASI
 */

/* What instances of a module get, unless InstantiationArgs2 say something else. Lists are copied.
   An entry of `map_dir_list` is <guest path>::<host path>. Handles below 0 stand for the
   process's own streams; others are duplicated. */
WASM_RUNTIME_API_EXTERN void
wasm_runtime_set_wasi_args_ex(wasm_module_t module, const char *dir_list[], uint32_t dir_count,
                              const char *map_dir_list[], uint32_t map_dir_count,
                              const char *env[], uint32_t env_count, char *argv[], int argc,
                              int64_t stdinfd, int64_t stdoutfd, int64_t stderrfd);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_set_wasi_args(wasm_module_t module, const char *dir_list[], uint32_t dir_count,
                           const char *map_dir_list[], uint32_t map_dir_count,
                           const char *env[], uint32_t env_count, char *argv[], int argc);
/* Addresses that sockets of the guest may lead to, as ranges (10.0.0.0/8), and names that it may
   resolve (example.com, *.example.com, *). None unless they are set. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_wasi_addr_pool(wasm_module_t module,
                                                             const char *addr_pool[],
                                                             uint32_t addr_pool_size);
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_wasi_ns_lookup_pool(wasm_module_t module,
                                                                  const char *ns_lookup_pool[],
                                                                  uint32_t ns_lookup_pool_size);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_wasi_mode(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_lookup_wasi_start_function(wasm_module_inst_t module_inst);
/* What the guest gave to proc_exit, or 0. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_get_wasi_exit_code(wasm_module_inst_t module_inst);

/*
 * Instances
 */

/* Makes an instance. `default_stack_size` is taken and has no effect, since stacks grow as they
   are needed; `host_managed_heap_size` is how much wasm_runtime_module_malloc() may take if the
   module has no allocator of its own. */
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate(const wasm_module_t module, uint32_t default_stack_size,
                         uint32_t host_managed_heap_size, char *error_buf,
                         uint32_t error_buf_size);
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate_ex(const wasm_module_t module, const InstantiationArgs *args,
                            char *error_buf, uint32_t error_buf_size);
#if !defined(WASM_INSTANTIATE_LINKING)
/* As wasm_runtime_instantiate_ex(), with a list of imports. The runtime's own natives and
   libraries fill what the list lacks. */
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate_ex_with_imports(const wasm_module_t module,
                                         const WASMInstantiationArgsWithImports *args,
                                         char *error_buf, uint32_t error_buf_size);
#endif

WASM_RUNTIME_API_EXTERN bool
wasm_runtime_instantiation_args_create(struct InstantiationArgs2 **p);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_destroy(struct InstantiationArgs2 *p);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_default_stack_size(struct InstantiationArgs2 *p, uint32_t v);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_host_managed_heap_size(struct InstantiationArgs2 *p,
                                                           uint32_t v);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_max_memory_pages(struct InstantiationArgs2 *p, uint32_t v);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_custom_data(struct InstantiationArgs2 *p, void *custom_data);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_wasi_arg(struct InstantiationArgs2 *p, char *argv[],
                                             int argc);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_wasi_env(struct InstantiationArgs2 *p, const char *env[],
                                             uint32_t env_count);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_dir(
    struct InstantiationArgs2 *p, const char *dir_list[], uint32_t dir_count,
    const char *map_dir_list[], uint32_t map_dir_count);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_wasi_stdio(struct InstantiationArgs2 *p, int64_t stdinfd,
                                               int64_t stdoutfd, int64_t stderrfd);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_wasi_addr_pool(struct InstantiationArgs2 *p,
                                                   const char *addr_pool[],
                                                   uint32_t addr_pool_size);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(struct InstantiationArgs2 *p,
                                                        const char *ns_lookup_pool[],
                                                        uint32_t ns_lookup_pool_size);
/* The list is copied; what it names must be there when the module is instantiated. */
WASM_RUNTIME_API_EXTERN void
wasm_runtime_instantiation_args_set_imports(struct InstantiationArgs2 *p,
                                            const WASMExternInstance *imports,
                                            uint32_t import_count);
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate_ex2(const wasm_module_t module, const struct InstantiationArgs2 *args,
                             char *error_buf, uint32_t error_buf_size);

/* Ends an instance. What other instances share with it lives on. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_deinstantiate(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_get_module(wasm_module_inst_t module_inst);

/* Another mode can be set as long as nothing was asked of the instance or called, it imports no
   memory, table or mutable global, and the module has no start function. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_running_mode(wasm_module_inst_t module_inst,
                                                           RunningMode running_mode);
WASM_RUNTIME_API_EXTERN RunningMode
wasm_runtime_get_running_mode(wasm_module_inst_t module_inst);

/* The exception that ended a call, or NULL. The text lives until the next call or change. */
WASM_RUNTIME_API_EXTERN const char *wasm_runtime_get_exception(wasm_module_inst_t module_inst);
/* In a native: ends the call from wasm. NULL clears. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_exception(wasm_module_inst_t module_inst,
                                                        const char *exception);
WASM_RUNTIME_API_EXTERN void wasm_runtime_clear_exception(wasm_module_inst_t module_inst);
/* Ends what the instance runs, from any thread, and all further calls until the exception is
   cleared. Instances of the same group that run for it end with it. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_terminate(wasm_module_inst_t module_inst);

WASM_RUNTIME_API_EXTERN void wasm_runtime_set_custom_data(wasm_module_inst_t module_inst,
                                                          void *custom_data);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_custom_data(wasm_module_inst_t module_inst);

/* A place for a pointer in each instance. The destructor runs when an instance ends. */
WASM_RUNTIME_API_EXTERN void *
wasm_runtime_create_context_key(void (*dtor)(wasm_module_inst_t inst, void *ctx));
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_context_key(void *key);
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_context(wasm_module_inst_t inst, void *key,
                                                      void *ctx);
/* For all threads of the instance. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_context_spread(wasm_module_inst_t inst, void *key,
                                                             void *ctx);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_context(wasm_module_inst_t inst, void *key);

/* Bounds are always checked: false is not accepted, and the answer is true. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_bounds_checks(wasm_module_inst_t module_inst,
                                                            bool enable);
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_is_bounds_checks_enabled(wasm_module_inst_t module_inst);

/*
 * Functions
 */

/* An export; it lives as long as the instance. */
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_lookup_function(const wasm_module_inst_t module_inst, const char *name);
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_get_param_count(const wasm_function_inst_t func_inst,
                                                           const wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_get_result_count(
    const wasm_function_inst_t func_inst, const wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN void wasm_func_get_param_types(const wasm_function_inst_t func_inst,
                                                       const wasm_module_inst_t module_inst,
                                                       wasm_valkind_t *param_types);
WASM_RUNTIME_API_EXTERN void wasm_func_get_result_types(const wasm_function_inst_t func_inst,
                                                        const wasm_module_inst_t module_inst,
                                                        wasm_valkind_t *result_types);

/* What calls are made with. `stack_size` is taken and has no effect but for 0, which fails. */
WASM_RUNTIME_API_EXTERN wasm_exec_env_t
wasm_runtime_create_exec_env(wasm_module_inst_t module_inst, uint32_t stack_size);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_exec_env(wasm_exec_env_t exec_env);
/* One that belongs to the instance and is not to be destroyed. */
WASM_RUNTIME_API_EXTERN wasm_exec_env_t
wasm_runtime_get_exec_env_singleton(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_get_module_inst(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_module_inst(wasm_exec_env_t exec_env,
                                                          const wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_user_data(wasm_exec_env_t exec_env,
                                                        void *user_data);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_user_data(wasm_exec_env_t exec_env);
/* In a native: what was attached to it. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_function_attachment(wasm_exec_env_t exec_env);
/* Taken and without effect: limits come from the stack that a thread runs on. */
WASM_RUNTIME_API_EXTERN void
wasm_runtime_set_native_stack_boundary(wasm_exec_env_t exec_env, uint8_t *native_stack_boundary);
/* How much the calls of this environment may compute from now on; a negative number means
   without limit. See wasm_runtime_set_instruction_metering(), without which calls with a limit
   fail. */
WASM_RUNTIME_API_EXTERN void
wasm_runtime_set_instruction_count_limit(wasm_exec_env_t exec_env, int instruction_count);

/* Calls a function. Arguments stand in cells of 32 bits: i32, f32 and funcref take one, i64 and
   f64 and other references two, v128 four. `argc` is how many there are, of which no more than the
   parameters take are read; an externref may be counted as one. Results, any number, replace
   them. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_wasm(wasm_exec_env_t exec_env,
                                                    wasm_function_inst_t function,
                                                    uint32_t argc, uint32_t argv[]);
/* The same with values. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_wasm_a(wasm_exec_env_t exec_env,
                                                      wasm_function_inst_t function,
                                                      uint32_t num_results,
                                                      wasm_val_t results[], uint32_t num_args,
                                                      wasm_val_t *args);
/* The same with variable arguments of the C types that belong to the parameters. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_wasm_v(wasm_exec_env_t exec_env,
                                                      wasm_function_inst_t function,
                                                      uint32_t num_results,
                                                      wasm_val_t results[], uint32_t num_args,
                                                      ...);
/* Calls an element of the instance's table 0. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_indirect(wasm_exec_env_t exec_env,
                                                        uint32_t element_index, uint32_t argc,
                                                        uint32_t argv[]);
/* Calls `_start`, or `main` with arguments, whose result goes to *(int *)argv. */
WASM_RUNTIME_API_EXTERN bool wasm_application_execute_main(wasm_module_inst_t module_inst,
                                                           int32_t argc, char *argv[]);
/* Calls a function with arguments from text, and prints its results. */
WASM_RUNTIME_API_EXTERN bool wasm_application_execute_func(wasm_module_inst_t module_inst,
                                                           const char *name, int32_t argc,
                                                           char *argv[]);

/* Functions that wasm may import from `module_name`. A signature is `(params)result`:
   i I f F are numbers; r is a reference, a uintptr_t; * is an address, of which one byte is
   checked, or as many as the ~ behind it says; $ is a string that ends with a NUL. Addresses get
   to the function as pointers. Without a signature everything gets there as it is. The function
   takes a wasm_exec_env_t first. Neither the array nor what it points to is copied or written to;
   it must stay until it is unregistered. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_register_natives(const char *module_name,
                                                           NativeSymbol *native_symbols,
                                                           uint32_t n_native_symbols);
/* The same for `void f(wasm_exec_env_t, uint64_t *args)`; results replace arguments. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_register_natives_raw(const char *module_name,
                                                               NativeSymbol *native_symbols,
                                                               uint32_t n_native_symbols);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_unregister_natives(const char *module_name,
                                                             NativeSymbol *native_symbols);
/* Whether a native or a built-in library has it. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_import_func_linked(const char *module_name,
                                                                const char *func_name);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_import_global_linked(const char *module_name,
                                                                  const char *global_name);

/*
 * Instantiation linking: external values made by the host. A type comes from any module's import
 * or export. Whoever makes one destroys it, at any time: instances that it was given to keep what
 * they use.
 */

WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_create_memory(const wasm_module_t module, const wasm_memory_type_t type);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_memory(const wasm_module_t module,
                                                         wasm_memory_inst_t memory);
WASM_RUNTIME_API_EXTERN wasm_table_handle_t wasm_runtime_create_table(const wasm_module_t module,
                                                               const wasm_table_type_t type);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_table(const wasm_module_t module,
                                                        wasm_table_handle_t table);
/* NULL for `value` means zero or null. The first makes the global immutable whatever its type
   says. */
WASM_RUNTIME_API_EXTERN wasm_global_handle_t
wasm_runtime_create_immutable_global(const wasm_module_t module, const wasm_global_type_t type,
                                     const wasm_val_t *value);
WASM_RUNTIME_API_EXTERN wasm_global_handle_t wasm_runtime_create_global(const wasm_module_t module,
                                                                 const wasm_global_type_t type,
                                                                 const wasm_val_t *value);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_global(const wasm_module_t module,
                                                         wasm_global_handle_t global);
/* `callback` is called as a native without a signature is. */
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_create_function(const wasm_module_t module, const wasm_func_type_t type,
                             void *callback);
/* As natives with a signature (which may be NULL), and as raw natives. `env` is found by
   wasm_runtime_get_function_attachment(); `finalizer` (which may be NULL) gets it once, when
   neither the creator nor any instance has the function any more. */
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_create_function_with_env(const wasm_module_t module, const wasm_func_type_t type,
                                      void *callback, const char *signature, void *env,
                                      void (*finalizer)(void *env));
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_create_function_raw(const wasm_module_t module, const wasm_func_type_t type,
                                 void (*callback)(wasm_exec_env_t, uint64_t *args), void *env,
                                 void (*finalizer)(void *env));
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_function(const wasm_module_t module,
                                                           wasm_function_inst_t func);
WASM_RUNTIME_API_EXTERN wasm_tag_inst_t wasm_runtime_create_tag(const wasm_module_t module,
                                                                const wasm_tag_type_t type);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_tag(const wasm_module_t module,
                                                      wasm_tag_inst_t tag);

/* Exports as what lists of imports take. They live as long as the instance, functions and
   memories (wasm_runtime_lookup_function(), wasm_runtime_lookup_memory()) too. */
WASM_RUNTIME_API_EXTERN wasm_global_handle_t
wasm_runtime_get_export_global(const wasm_module_inst_t module_inst, const char *name);
WASM_RUNTIME_API_EXTERN wasm_table_handle_t
wasm_runtime_get_export_table(const wasm_module_inst_t module_inst, const char *name);
WASM_RUNTIME_API_EXTERN wasm_tag_inst_t
wasm_runtime_get_export_tag_inst(const wasm_module_inst_t module_inst, const char *name);
/* Any export, by its name. */
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_get_export_extern(const wasm_module_inst_t module_inst, const char *name,
                               WASMExternInstance *out);

/* Fills the places of a list, one for each import, that are empty and that a native or built-in
   library has. False if something is missing afterwards, or the list is too short. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_create_imports_with_builtin(wasm_module_t module,
                                                                      wasm_extern_inst_t out,
                                                                      uint32_t out_len);
/* Destroys what the function above made in a list as long as the module has imports, and empties
   those places. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_imports(wasm_module_t module,
                                                          wasm_extern_inst_t extern_inst_list);
/* Makes an instance with what the runtime has, and memories, tables and zeros for the rest of
   what the host could make. */
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate_with_builtin_linker(wasm_module_t module, uint32_t stack_size,
                                             uint32_t heap_size, char *error_buf,
                                             uint32_t error_buf_size);

/*
 * Globals, tables and memories
 */

#if defined(WASM_INSTANTIATE_LINKING)
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_get_table_func(const wasm_module_inst_t module_inst, const wasm_table_handle_t table,
                            uint32_t idx);
#else
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_get_export_global_inst(const wasm_module_inst_t module_inst, const char *name,
                                    wasm_global_inst_t *global_inst);
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_get_export_table_inst(const wasm_module_inst_t module_inst, const char *name,
                                   wasm_table_inst_t *table_inst);
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_table_get_func_inst(const wasm_module_inst_t module_inst,
                         const wasm_table_inst_t *table_inst, uint32_t idx);
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_get_table_func(const wasm_module_inst_t module_inst, const wasm_table_handle_t table,
                            uint32_t idx);
#endif

WASM_RUNTIME_API_EXTERN bool wasm_global_get_value(const wasm_global_handle_t global,
                                                   wasm_val_t *out);
/* False for globals that are immutable and values of another type. */
WASM_RUNTIME_API_EXTERN bool wasm_global_set_value(wasm_global_handle_t global,
                                                   const wasm_val_t *value);

WASM_RUNTIME_API_EXTERN uint32_t wasm_table_get_cur_size(const wasm_table_handle_t table);
WASM_RUNTIME_API_EXTERN uint32_t wasm_table_get_max_size(const wasm_table_handle_t table);
/* NULL for `func` means null; false if there is no such element or it is of another type. */
WASM_RUNTIME_API_EXTERN bool wasm_table_set_func(wasm_table_handle_t table, uint32_t idx,
                                                 wasm_function_inst_t func);
/* Adds elements, all of them `init` (NULL for null). */
WASM_RUNTIME_API_EXTERN bool wasm_table_enlarge(wasm_table_handle_t table, uint32_t inc_size,
                                                wasm_function_inst_t init);

/* Memories: one that is exported by a name, memory 0, and any by its index. */
WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_lookup_memory(const wasm_module_inst_t module_inst, const char *name);
WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_get_default_memory(const wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_get_memory(const wasm_module_inst_t module_inst, uint32_t index);
WASM_RUNTIME_API_EXTERN uint64_t
wasm_memory_get_cur_page_count(const wasm_memory_inst_t memory_inst);
WASM_RUNTIME_API_EXTERN uint64_t
wasm_memory_get_max_page_count(const wasm_memory_inst_t memory_inst);
WASM_RUNTIME_API_EXTERN uint64_t
wasm_memory_get_bytes_per_page(const wasm_memory_inst_t memory_inst);
WASM_RUNTIME_API_EXTERN bool wasm_memory_get_shared(const wasm_memory_inst_t memory_inst);
/* The address may change when an unshared memory grows. */
WASM_RUNTIME_API_EXTERN void *wasm_memory_get_base_address(const wasm_memory_inst_t memory_inst);
WASM_RUNTIME_API_EXTERN bool wasm_memory_enlarge(wasm_memory_inst_t memory_inst,
                                                 uint64_t inc_page_count);
/* Memory 0. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_enlarge_memory(wasm_module_inst_t module_inst,
                                                         uint64_t inc_page_count);
/* Hears of every growth of a memory that fails, whoever asked for it. */
WASM_RUNTIME_API_EXTERN void
wasm_runtime_set_enlarge_mem_error_callback(const enlarge_memory_error_callback_t callback,
                                            void *user_data);

/* Room in memory 0 for host and guest: from the module's own exported allocator, or the heap that
   is managed by the host. 0 if there is none. It may make the memory grow. */
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_module_malloc(wasm_module_inst_t module_inst,
                                                            uint64_t size, void **p_native_addr);
WASM_RUNTIME_API_EXTERN void wasm_runtime_module_free(wasm_module_inst_t module_inst,
                                                      uint64_t ptr);
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_module_dup_data(wasm_module_inst_t module_inst,
                                                              const char *src, uint64_t size);

/* Addresses in memory 0, and pointers of the host into it. A failed check is an exception. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_validate_app_addr(wasm_module_inst_t module_inst,
                                                            uint64_t app_offset, uint64_t size);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_validate_app_str_addr(wasm_module_inst_t module_inst,
                                                                uint64_t app_str_offset);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_validate_native_addr(wasm_module_inst_t module_inst,
                                                               void *native_ptr, uint64_t size);
/* NULL, and 0, for what lies outside. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_addr_app_to_native(wasm_module_inst_t module_inst,
                                                              uint64_t app_offset);
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_addr_native_to_app(wasm_module_inst_t module_inst,
                                                                 void *native_ptr);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_app_addr_range(wasm_module_inst_t module_inst,
                                                             uint64_t app_offset,
                                                             uint64_t *p_app_start_offset,
                                                             uint64_t *p_app_end_offset);
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_get_native_addr_range(wasm_module_inst_t module_inst, uint8_t *native_ptr,
                                   uint8_t **p_native_start_addr, uint8_t **p_native_end_addr);

/* Heaps that several instances and the host use. One is attached to an instance at the end of the
   32-bit address space of its memory 0, which does not grow into it; what is before and behind it
   traps as ever. Loads, stores and bulk instructions reach it at full speed, since its pages are
   mapped there; atomic instructions do not, nor do those of vectors in the interpreter, nor WASI.
   Natives get pointers into it as into memory. Guests may import `env` `shared_heap_malloc` and
   `shared_heap_free`.

   A heap of `size` bytes, rounded up to pages of 4096, at most 1 GiB. It lasts as long as the
   runtime. `pre_allocated_addr` may name the host's own memory instead, which no blocks are handed
   out of: private memory of this process, of whole pages, that is plain memory until
   wasm_runtime_destroy(); nobody may write it during this call and during that one. NULL where that
   does not hold, or where the system has no such pages: they are there on 64-bit Linux. */
WASM_RUNTIME_API_EXTERN wasm_shared_heap_t
wasm_runtime_create_shared_heap(SharedHeapInitArgs *init_args);
/* Puts one heap or chain, `body`, behind a heap; one of the heaps hands out blocks, all others are
   the host's memory. None of them may be attached. Gives `head`, or NULL. */
WASM_RUNTIME_API_EXTERN wasm_shared_heap_t
wasm_runtime_chain_shared_heaps(wasm_shared_heap_t head, wasm_shared_heap_t body);
/* Takes the first heap off a chain, or all of them, and gives the heap that is left. */
WASM_RUNTIME_API_EXTERN wasm_shared_heap_t
wasm_runtime_unchain_shared_heaps(wasm_shared_heap_t head, bool entire_chain);
/* Frees all blocks of a chain that is not attached, and fills it with zeros. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_reset_shared_heap_chain(wasm_shared_heap_t shared_heap);
/* False if the instance, or another one with the same memory, has a heap; and for memories that are
   shared with other threads, have 64-bit addresses or other pages than of 64 KiB, or cannot be
   guarded on this platform. An instance that ends lets go of its heap. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_attach_shared_heap(wasm_module_inst_t module_inst,
                                                             wasm_shared_heap_t shared_heap);
WASM_RUNTIME_API_EXTERN void wasm_runtime_detach_shared_heap(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_shared_heap_malloc(wasm_module_inst_t module_inst,
                                                                 uint64_t size,
                                                                 void **p_native_addr);
WASM_RUNTIME_API_EXTERN void wasm_runtime_shared_heap_free(wasm_module_inst_t module_inst,
                                                           uint64_t ptr);

/* Numbers that stand for pointers of the host as externref: one for each instance and pointer.
   The cleanup runs when the number is deleted, or its last instance ends unless it was retained. */
WASM_RUNTIME_API_EXTERN bool wasm_externref_obj2ref(wasm_module_inst_t module_inst,
                                                    void *extern_obj, uint32_t *p_externref_idx);
WASM_RUNTIME_API_EXTERN bool wasm_externref_objdel(wasm_module_inst_t module_inst,
                                                   void *extern_obj);
WASM_RUNTIME_API_EXTERN bool wasm_externref_set_cleanup(wasm_module_inst_t module_inst,
                                                        void *extern_obj,
                                                        void (*extern_obj_cleanup)(void *));
WASM_RUNTIME_API_EXTERN bool wasm_externref_ref2obj(uint32_t externref_idx, void **p_extern_obj);
WASM_RUNTIME_API_EXTERN bool wasm_externref_retain(uint32_t externref_idx);

/*
 * Threads
 */

/* How many threads a program may have. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_max_thread_num(uint32_t num);
/* An environment for another thread: with an instance of its own, which shares the shared
   memories. NULL for instances that import what threads cannot share. */
WASM_RUNTIME_API_EXTERN wasm_exec_env_t wasm_runtime_spawn_exec_env(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_spawned_exec_env(wasm_exec_env_t exec_env);
/* A thread that calls `callback` with such an environment. 0 is success. */
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_spawn_thread(wasm_exec_env_t exec_env,
                                                          wasm_thread_t *tid,
                                                          wasm_thread_callback_t callback,
                                                          void *arg);
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_join_thread(wasm_thread_t tid, void **retval);
/* Around something that blocks, in a native: false if the instance was terminated. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_begin_blocking_op(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN void wasm_runtime_end_blocking_op(wasm_exec_env_t exec_env);
/* False, and an exception, if the native stack has less left than needed: 64 KiB, or `required
   size`. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_detect_native_stack_overflow(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN bool
wasm_runtime_detect_native_stack_overflow_size(wasm_exec_env_t exec_env, uint32_t required_size);

/*
 * Reports
 */

/*
 * In a native: the frames that are live, those of the instances of the native's caller and of all
 * that share entities with it, innermost first. Otherwise, the frames that the exception of the last
 * call passed through. A frame's instance is NULL where that is not known: frames of compiled code
 * tell it only if their module has one instance there, or if they have called the native.
 */
WASM_RUNTIME_API_EXTERN uint32_t wasm_copy_callstack(const wasm_exec_env_t exec_env,
                                                     WASMCApiFrame *buffer,
                                                     const uint32_t length,
                                                     const uint32_t skip_n, char *error_buf,
                                                     uint32_t error_buf_size);
WASM_RUNTIME_API_EXTERN void wasm_runtime_dump_call_stack(wasm_exec_env_t exec_env);
/* With the NUL at the end. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_get_call_stack_buf_size(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_dump_call_stack_to_buf(wasm_exec_env_t exec_env,
                                                                     char *buf, uint32_t len);
WASM_RUNTIME_API_EXTERN void wasm_runtime_dump_mem_consumption(wasm_exec_env_t exec_env);
/* Calls from C are timed per function and instance; functions called by wasm are not. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_dump_perf_profiling(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN double wasm_runtime_sum_wasm_exec_time(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN double wasm_runtime_get_wasm_func_exec_time(wasm_module_inst_t inst,
                                                                    const char *func_name);
/* No profiles for LLVM are recorded: 0. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_get_pgo_prof_data_size(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_dump_pgo_prof_data_to_buf(wasm_module_inst_t module_inst, char *buf, uint32_t len);
/* There is no debugging server: 0. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_start_debug_instance_with_port(wasm_exec_env_t exec_env, int32_t port);
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_start_debug_instance(wasm_exec_env_t exec_env);

#ifdef __cplusplus
}
#endif

#endif /* _WASM_EXPORT_H */
