/*
 * wasm.h: the name under which the API of wasm_c_api.h is known elsewhere.
 *
 * Vectors and values have WAMR's layouts, which have more fields than some other runtimes'. Sources
 * compile unchanged; objects have to be compiled anew.
 */
#ifndef WASM_H
#define WASM_H

#include "wasm_c_api.h"

#endif /* WASM_H */
