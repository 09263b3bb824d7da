#!/usr/bin/env bash
# Builds libiwasm and installs it with its headers and what pkg-config and CMake look for.
#
#   install.sh [--prefix DIR] [--profile PROFILE] [--features LIST] [-- CARGO ARGUMENTS]
#
# PREFIX is /usr/local unless given, and DESTDIR is put before it. PROFILE is `release` unless given;
# LIST is what `cargo --no-default-features --features` gets, and everything unless given.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

prefix=/usr/local profile=release features=() cargo=()
while [ $# -gt 0 ]; do
    case "$1" in
        --prefix) prefix="$2"; shift 2 ;;
        --profile) profile="$2"; shift 2 ;;
        --features) features=(--no-default-features --features "$2"); shift 2 ;;
        --) shift; cargo=("$@"); break ;;
        *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
done

cd "$here"
build() { cargo rustc -p wamr-capi --lib --profile "$profile" "${features[@]}" "${cargo[@]}" "$@"; }
build --crate-type=cdylib -- -C link-arg=-Wl,-soname,libiwasm.so
build --crate-type=staticlib

target="${CARGO_TARGET_DIR:-$here/../../target}"
built="$target/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}$([ "$profile" = dev ] && echo debug || echo "$profile")"
version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' ../../Cargo.toml)"
to="${DESTDIR:-}$prefix"
# What a static library of Rust needs on Linux.
static_libs='-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc'

install -d "$to/include" "$to/lib/pkgconfig" "$to/lib/cmake/iwasm"
install -m 644 include/*.h "$to/include/"
install -m 755 "$built/libiwasm.so" "$to/lib/"
install -m 644 "$built/libiwasm.a" "$to/lib/"

cat >"$to/lib/pkgconfig/iwasm.pc" <<PC
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: iwasm
Description: A WebAssembly runtime
Version: $version
Libs: -L\${libdir} -liwasm
Libs.private: $static_libs
Cflags: -I\${includedir}
PC

cat >"$to/lib/cmake/iwasm/iwasm-config-version.cmake" <<CMAKE
set(PACKAGE_VERSION "$version")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
CMAKE

cat >"$to/lib/cmake/iwasm/iwasm-config.cmake" <<'CMAKE'
# iwasm::iwasm is the shared library, iwasm::static the static one.
get_filename_component(_iwasm_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET iwasm::iwasm)
  add_library(iwasm::iwasm SHARED IMPORTED)
  set_target_properties(iwasm::iwasm PROPERTIES
    IMPORTED_LOCATION "${_iwasm_prefix}/lib/libiwasm.so"
    IMPORTED_SONAME libiwasm.so
    INTERFACE_INCLUDE_DIRECTORIES "${_iwasm_prefix}/include")
  add_library(iwasm::static STATIC IMPORTED)
  set_target_properties(iwasm::static PROPERTIES
    IMPORTED_LOCATION "${_iwasm_prefix}/lib/libiwasm.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_iwasm_prefix}/include"
    INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c")
endif()
unset(_iwasm_prefix)
CMAKE
printf 'installed libiwasm %s in %s\n' "$version" "$to"
