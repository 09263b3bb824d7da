//! What a program reaches of the network.

use std::net::{TcpListener, ToSocketAddrs};

use wamr::wasi::{AddressRange, WasiCtxBuilder};

/// What a program reaches of the network: nothing at first.
#[derive(Default)]
pub(crate) struct NetworkOptions {
    pub(super) listeners: Vec<String>,
    pub(super) ranges: Vec<AddressRange>,
    pub(super) names: Vec<String>,
}

impl NetworkOptions {
    /// Adds ranges of addresses, with commas between them.
    pub(super) fn add_ranges(&mut self, list: &str) -> Result<(), String> {
        for range in list.split(',') {
            self.ranges.push(range.parse().map_err(|error| format!("{error}"))?);
        }
        Ok(())
    }

    /// Gives it to the program.
    pub(crate) fn apply(&self, builder: &mut WasiCtxBuilder) -> Result<(), String> {
        for address in &self.listeners {
            let failed = |error: std::io::Error| format!("--tcplisten: {address}: {error}");
            let addresses: Vec<_> = address.to_socket_addrs().map_err(failed)?.collect();
            let listener = TcpListener::bind(&*addresses).map_err(failed)?;
            builder.preopen_listener(listener).map_err(failed)?;
        }
        builder.allow_addresses(self.ranges.iter().copied()).allow_resolve(&self.names);
        Ok(())
    }
}
