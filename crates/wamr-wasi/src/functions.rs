//! The one list of all functions with their parameters, which whoever needs all of them expands:
//! the linker, and the tests that call each with hostile arguments.

/// Expands `$expand! { module_name { path name(parameter: type, ...); ... } ... }` over both
/// modules.
///
/// `proc_exit` isn't in the list, as it doesn't return. `wasi_unstable` has the sockets too, which
/// are younger, as it has in WAMR.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_wasi_function {
    ($expand:ident) => {
        $crate::for_each_wasi_function! { @both $expand {
            "wasi_snapshot_preview1" {
                preview1::fd fd_filestat_get(fd: u32, stat: u32);
                preview1::fd fd_seek(fd: u32, offset: i64, whence: u32, new_offset: u32);
                preview1::path path_filestat_get(
                    fd: u32, flags: u32, path: u32, path_len: u32, stat: u32
                );
                preview1::poll poll_oneoff(
                    subscriptions: u32, events: u32, count: u32, happened: u32
                );
            }
            "wasi_unstable" {
                unstable fd_filestat_get(fd: u32, stat: u32);
                unstable fd_seek(fd: u32, offset: i64, whence: u32, new_offset: u32);
                unstable path_filestat_get(
                    fd: u32, flags: u32, path: u32, path_len: u32, stat: u32
                );
                unstable poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
            }
        }}
    };
    (@both $expand:ident { $($module:literal { $($own:tt)* })* }) => {
        $(
            $expand! {
                $module {
                    $($own)*
                    preview1::args args_get(argv: u32, argv_buf: u32);
                    preview1::args args_sizes_get(count: u32, size: u32);
                    preview1::args environ_get(environ: u32, environ_buf: u32);
                    preview1::args environ_sizes_get(count: u32, size: u32);
                    preview1::clock clock_res_get(id: u32, resolution: u32);
                    preview1::clock clock_time_get(id: u32, precision: u64, time: u32);
                    preview1::fd fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
                    preview1::fd fd_allocate(fd: u32, offset: u64, len: u64);
                    preview1::fd fd_close(fd: u32);
                    preview1::fd fd_datasync(fd: u32);
                    preview1::fd fd_fdstat_get(fd: u32, stat: u32);
                    preview1::fd fd_fdstat_set_flags(fd: u32, flags: u32);
                    preview1::fd fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
                    preview1::fd fd_filestat_set_size(fd: u32, size: u64);
                    preview1::fd fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
                    preview1::fd fd_pread(
                        fd: u32, iovs: u32, iovs_len: u32, offset: u64, nread: u32
                    );
                    preview1::fd fd_prestat_get(fd: u32, prestat: u32);
                    preview1::fd fd_prestat_dir_name(fd: u32, path: u32, path_len: u32);
                    preview1::fd fd_pwrite(
                        fd: u32, iovs: u32, iovs_len: u32, offset: u64, nwritten: u32
                    );
                    preview1::fd fd_read(fd: u32, iovs: u32, iovs_len: u32, nread: u32);
                    preview1::fd fd_readdir(
                        fd: u32, buf: u32, buf_len: u32, cookie: u64, bufused: u32
                    );
                    preview1::fd fd_renumber(from: u32, to: u32);
                    preview1::fd fd_sync(fd: u32);
                    preview1::fd fd_tell(fd: u32, offset: u32);
                    preview1::fd fd_write(fd: u32, iovs: u32, iovs_len: u32, nwritten: u32);
                    preview1::path path_create_directory(fd: u32, path: u32, path_len: u32);
                    preview1::path path_filestat_set_times(
                        fd: u32, flags: u32, path: u32, path_len: u32, atim: u64, mtim: u64,
                        fst_flags: u32
                    );
                    preview1::path path_link(
                        old_fd: u32, old_flags: u32, old_path: u32, old_path_len: u32, new_fd: u32,
                        new_path: u32, new_path_len: u32
                    );
                    preview1::path path_open(
                        fd: u32, dirflags: u32, path: u32, path_len: u32, oflags: u32,
                        rights_base: u64, rights_inheriting: u64, fdflags: u32, opened: u32
                    );
                    preview1::path path_readlink(
                        fd: u32, path: u32, path_len: u32, buf: u32, buf_len: u32, bufused: u32
                    );
                    preview1::path path_remove_directory(fd: u32, path: u32, path_len: u32);
                    preview1::path path_rename(
                        old_fd: u32, old_path: u32, old_path_len: u32, new_fd: u32, new_path: u32,
                        new_path_len: u32
                    );
                    preview1::path path_symlink(
                        old_path: u32, old_path_len: u32, fd: u32, new_path: u32, new_path_len: u32
                    );
                    preview1::path path_unlink_file(fd: u32, path: u32, path_len: u32);
                    preview1::proc proc_raise(signal: u32);
                    preview1::proc sched_yield();
                    preview1::random random_get(buf: u32, buf_len: u32);
                    preview1::sock sock_accept(fd: u32, flags: u32, accepted: u32);
                    preview1::sock sock_recv(
                        fd: u32, iovs: u32, iovs_len: u32, flags: u32, nread: u32, out_flags: u32
                    );
                    preview1::sock sock_send(
                        fd: u32, iovs: u32, iovs_len: u32, flags: u32, nwritten: u32
                    );
                    preview1::sock sock_shutdown(fd: u32, how: u32);
                    sockets sock_open(pool_fd: u32, family: u32, kind: u32, opened: u32);
                    sockets sock_close(fd: u32);
                    sockets sock_bind(fd: u32, address: u32);
                    sockets sock_listen(fd: u32, backlog: u32);
                    sockets sock_connect(fd: u32, address: u32);
                    sockets sock_addr_local(fd: u32, address: u32);
                    sockets sock_addr_remote(fd: u32, address: u32);
                    sockets sock_addr_resolve(
                        host: u32, service: u32, hints: u32, results: u32, results_len: u32,
                        found: u32
                    );
                    sockets sock_send_to(
                        fd: u32, iovs: u32, iovs_len: u32, flags: u32, address: u32, nwritten: u32
                    );
                    sockets sock_recv_from(
                        fd: u32, iovs: u32, iovs_len: u32, flags: u32, address: u32, nread: u32
                    );
                    sockets sock_get_broadcast(fd: u32, enabled: u32);
                    sockets sock_set_broadcast(fd: u32, enabled: u32);
                    sockets sock_get_keep_alive(fd: u32, enabled: u32);
                    sockets sock_set_keep_alive(fd: u32, enabled: u32);
                    sockets sock_get_reuse_addr(fd: u32, enabled: u32);
                    sockets sock_set_reuse_addr(fd: u32, enabled: u32);
                    sockets sock_get_reuse_port(fd: u32, enabled: u32);
                    sockets sock_set_reuse_port(fd: u32, enabled: u32);
                    sockets sock_get_linger(fd: u32, enabled: u32, seconds: u32);
                    sockets sock_set_linger(fd: u32, enabled: u32, seconds: u32);
                    sockets sock_get_recv_buf_size(fd: u32, size: u32);
                    sockets sock_set_recv_buf_size(fd: u32, size: u32);
                    sockets sock_get_send_buf_size(fd: u32, size: u32);
                    sockets sock_set_send_buf_size(fd: u32, size: u32);
                    sockets sock_get_recv_timeout(fd: u32, timeout_us: u32);
                    sockets sock_set_recv_timeout(fd: u32, timeout_us: u64);
                    sockets sock_get_send_timeout(fd: u32, timeout_us: u32);
                    sockets sock_set_send_timeout(fd: u32, timeout_us: u64);
                    sockets sock_get_tcp_fastopen_connect(fd: u32, enabled: u32);
                    sockets sock_set_tcp_fastopen_connect(fd: u32, enabled: u32);
                    sockets sock_get_tcp_no_delay(fd: u32, enabled: u32);
                    sockets sock_set_tcp_no_delay(fd: u32, enabled: u32);
                    sockets sock_get_tcp_quick_ack(fd: u32, enabled: u32);
                    sockets sock_set_tcp_quick_ack(fd: u32, enabled: u32);
                    sockets sock_get_tcp_keep_idle(fd: u32, seconds: u32);
                    sockets sock_set_tcp_keep_idle(fd: u32, seconds: u32);
                    sockets sock_get_tcp_keep_intvl(fd: u32, seconds: u32);
                    sockets sock_set_tcp_keep_intvl(fd: u32, seconds: u32);
                    sockets sock_get_ip_multicast_loop(fd: u32, v6: u32, enabled: u32);
                    sockets sock_set_ip_multicast_loop(fd: u32, v6: u32, enabled: u32);
                    sockets sock_get_ip_multicast_ttl(fd: u32, hops: u32);
                    sockets sock_set_ip_multicast_ttl(fd: u32, hops: u32);
                    sockets sock_set_ip_add_membership(fd: u32, group: u32, interface: u32);
                    sockets sock_set_ip_drop_membership(fd: u32, group: u32, interface: u32);
                    sockets sock_get_ip_ttl(fd: u32, hops: u32);
                    sockets sock_set_ip_ttl(fd: u32, hops: u32);
                    sockets sock_get_ipv6_only(fd: u32, enabled: u32);
                    sockets sock_set_ipv6_only(fd: u32, enabled: u32);
                }
            }
        )*
    };
}
