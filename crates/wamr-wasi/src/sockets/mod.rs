//! Sockets that a guest makes itself: the functions that WAMR adds to both modules of WASI, by the
//! names, signatures and layouts that its C library (`wasi_socket_ext.h`) imports.
//!
//! A guest reaches the addresses that [`WasiCtxBuilder::allow_addresses`] names, and nothing by
//! default: binding, connecting, sending and joining groups elsewhere answers `Acces`. Connections
//! from anywhere may come in where it may listen. Names are resolved if
//! [`WasiCtxBuilder::allow_resolve`] has them. Who has a socket may set its options.
//!
//! Systems that are not Unix answer `Notsup`.
//!
//! [`WasiCtxBuilder::allow_addresses`]: crate::WasiCtxBuilder::allow_addresses
//! [`WasiCtxBuilder::allow_resolve`]: crate::WasiCtxBuilder::allow_resolve

mod address;
pub mod connect;
pub mod datagram;
pub mod options;
pub mod resolve;

pub use connect::*;
pub use datagram::*;
pub use options::*;
pub use resolve::*;
