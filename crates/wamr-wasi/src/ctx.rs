//! What a guest gets to see of the world, and the builder that an embedder describes it with.

use std::fmt;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::dir::Dir;
use crate::errno::Errno;
use crate::fd::{Descriptor, FdTable};
use crate::memory::MemoryDir;
use crate::network::{AddressRange, Network};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::wait::Interrupt;

/// How many descriptors a guest may hold unless the embedder says otherwise.
const DEFAULT_MAX_DESCRIPTORS: usize = 1024;

/// What a guest may do beneath a preopened directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirAccess {
    /// Reading files, listing directories and asking for attributes; nothing beneath the directory
    /// can be changed through it.
    ReadOnly,
    /// Everything that the host's file system allows to the embedder's process.
    #[default]
    ReadWrite,
}

impl DirAccess {
    /// Refuses a change beneath a read-only directory.
    pub(crate) fn check_write(self) -> Result<(), Errno> {
        match self {
            Self::ReadWrite => Ok(()),
            Self::ReadOnly => Err(Errno::Perm),
        }
    }
}

/// The world of one guest: its arguments, environment, descriptors and clocks.
///
/// Made by [`WasiCtxBuilder::build`]. A guest sees nothing but what was put in.
pub struct WasiCtx {
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) fds: FdTable,
    pub(crate) interrupt: Interrupt,
    /// Zero of the monotonic clock.
    pub(crate) epoch: Instant,
    /// When the guest began to poll, where a poll is made of slices: those that nothing happens in
    /// end with [`Errno::Again`].
    pub(crate) polling_since: Option<u64>,
    /// What the guest may reach by itself.
    pub(crate) network: Arc<Network>,
    /// A connection that isn't made at once answers [`Errno::Again`], and the caller waits.
    pub(crate) waits_elsewhere: bool,
}

impl WasiCtx {
    /// Starts to describe a guest's world.
    pub fn builder() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }

    /// The same world as far as it has no descriptors.
    pub(crate) fn without_descriptors(&self) -> Self {
        Self {
            args: self.args.clone(),
            env: self.env.clone(),
            fds: FdTable::with([], 0),
            interrupt: self.interrupt.clone(),
            epoch: self.epoch,
            polling_since: None,
            network: self.network.clone(),
            waits_elsewhere: false,
        }
    }

    /// Sets the question that a waiting guest asks every few milliseconds; see
    /// [`WasiCtxBuilder::interrupt`].
    pub fn set_interrupt(&mut self, interrupted: Arc<dyn Fn() -> bool + Send + Sync>) {
        self.interrupt = Interrupt::new(interrupted);
    }
}

impl fmt::Debug for WasiCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and environment may hold secrets.
        f.debug_struct("WasiCtx")
            .field("fds", &self.fds)
            .field("interrupt", &self.interrupt)
            .finish_non_exhaustive()
    }
}

/// Describes a guest's world, in the manner of [`std::process::Command`].
///
/// By default there are no arguments, no environment, no directories, an empty standard input, and
/// outputs that are thrown away.
///
/// ```
/// use wamr_wasi::{MemoryOutput, WasiCtxBuilder};
///
/// let output = MemoryOutput::new();
/// let ctx = WasiCtxBuilder::new()
///     .args(["program", "--verbose"])
///     .env("HOME", "/")
///     .stdout(output.clone())
///     .build();
/// # drop(ctx);
/// assert!(output.contents().is_empty());
/// ```
#[must_use]
pub struct WasiCtxBuilder {
    args: Vec<Vec<u8>>,
    env: Vec<(String, String)>,
    stdin: Stream,
    stdout: Stream,
    stderr: Stream,
    preopens: Vec<Descriptor>,
    max_descriptors: usize,
    interrupt: Interrupt,
    network: Network,
    filters_escapes: bool,
}

impl WasiCtxBuilder {
    /// Starts with an empty world.
    pub fn new() -> Self {
        Self {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Stream::Reader(Box::new(io::empty())),
            stdout: Stream::Writer(Box::new(io::sink())),
            stderr: Stream::Writer(Box::new(io::sink())),
            preopens: Vec::new(),
            max_descriptors: DEFAULT_MAX_DESCRIPTORS,
            interrupt: Interrupt::default(),
            network: Network::default(),
            filters_escapes: false,
        }
    }

    /// Adds an argument. The first is the program's name by convention.
    pub fn arg(&mut self, arg: impl AsRef<str>) -> &mut Self {
        self.args.push(arg.as_ref().into());
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<str>>) -> &mut Self {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Sets a variable of the environment, replacing an earlier value.
    pub fn env(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.env.iter_mut().find(|(earlier, _)| *earlier == name) {
            Some(entry) => entry.1 = value,
            None => self.env.push((name, value)),
        }
        self
    }

    /// Sets variables of the environment.
    pub fn envs(
        &mut self,
        vars: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> &mut Self {
        for (name, value) in vars {
            self.env(name, value);
        }
        self
    }

    /// Sets all variables of the process's own environment that are valid UTF-8.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                self.env(name, value);
            }
        }
        self
    }

    /// Connects the guest to the process's own standard streams.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.inherit_stdin().inherit_stdout().inherit_stderr()
    }

    /// Connects the guest's input to the process's own. What `std::io::stdin` has buffered stays
    /// there.
    pub fn inherit_stdin(&mut self) -> &mut Self {
        self.stdin = Stream::Stdin;
        self
    }

    /// Connects the guest's output to the process's own.
    pub fn inherit_stdout(&mut self) -> &mut Self {
        self.stdout = Stream::Stdout;
        self
    }

    /// Connects the guest's error output to the process's own.
    pub fn inherit_stderr(&mut self) -> &mut Self {
        self.stderr = Stream::Stderr;
        self
    }

    /// Gives the guest an input. A read that waits can't be [interrupted](Self::interrupt).
    pub fn stdin(&mut self, reader: impl Read + Send + 'static) -> &mut Self {
        self.stdin = Stream::Reader(Box::new(reader));
        self
    }

    /// Takes the guest's output, for example in a [`MemoryOutput`](crate::MemoryOutput). A write
    /// that waits can't be [interrupted](Self::interrupt).
    pub fn stdout(&mut self, writer: impl Write + Send + 'static) -> &mut Self {
        self.stdout = Stream::Writer(Box::new(writer));
        self
    }

    /// Takes the guest's error output, like [`stdout`](Self::stdout).
    pub fn stderr(&mut self, writer: impl Write + Send + 'static) -> &mut Self {
        self.stderr = Stream::Writer(Box::new(writer));
        self
    }

    /// Gives the guest an input that the embedder writes to, while the guest runs or before. The
    /// guest sees its end when the writer is dropped. On Unix, a read that waits can be
    /// [interrupted](Self::interrupt).
    ///
    /// # Errors
    /// The system has no pipe to give.
    pub fn stdin_pipe(&mut self) -> io::Result<PipeWriter> {
        let (reader, writer) = io::pipe()?;
        self.stdin = Stream::PipeReader(reader);
        Ok(writer)
    }

    /// Gives the guest an output that the embedder reads, on another thread while the guest runs:
    /// the guest waits when the pipe is full. On Unix, a write that waits can be
    /// [interrupted](Self::interrupt).
    ///
    /// # Errors
    /// The system has no pipe to give.
    pub fn stdout_pipe(&mut self) -> io::Result<PipeReader> {
        let (reader, writer) = io::pipe()?;
        self.stdout = Stream::PipeWriter(writer);
        Ok(reader)
    }

    /// Gives the guest an error output, like [`stdout_pipe`](Self::stdout_pipe).
    ///
    /// # Errors
    /// The system has no pipe to give.
    pub fn stderr_pipe(&mut self) -> io::Result<PipeReader> {
        let (reader, writer) = io::pipe()?;
        self.stderr = Stream::PipeWriter(writer);
        Ok(reader)
    }

    /// Gives the guest an open file, pipe or terminal as its input. On Unix, a read that waits can be
    /// [interrupted](Self::interrupt).
    pub fn stdin_file(&mut self, file: File) -> &mut Self {
        self.stdin = Stream::InputFile(file);
        self
    }

    /// Has the guest's output in an open file, pipe or terminal. On Unix, a write that waits can be
    /// [interrupted](Self::interrupt).
    pub fn stdout_file(&mut self, file: File) -> &mut Self {
        self.stdout = Stream::OutputFile(file);
        self
    }

    /// Takes the guest's error output, like [`stdout_file`](Self::stdout_file).
    pub fn stderr_file(&mut self, file: File) -> &mut Self {
        self.stderr = Stream::OutputFile(file);
        self
    }

    /// Has both outputs without escape sequences and other characters that terminals obey: they
    /// are written as visible signs, and bytes that are not UTF-8 as `U+FFFD`. Ends of lines,
    /// returns and tabs stay.
    pub fn filter_terminal_escapes(&mut self, filter: bool) -> &mut Self {
        self.filters_escapes = filter;
        self
    }

    /// Opens a directory of the host that the guest sees as `guest_path`, for reading and writing.
    ///
    /// # Errors
    /// The directory can't be opened.
    pub fn preopen_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl Into<String>,
    ) -> io::Result<&mut Self> {
        self.preopen_dir_with(host_path, guest_path, DirAccess::ReadWrite)
    }

    /// Opens a directory of the host that the guest sees as `guest_path`.
    ///
    /// The guest reaches nothing outside the directory, whatever links lie in it. What lies inside
    /// should be data: beneath `/proc`, for example, it would reach the embedder's own process. If
    /// two directories overlap on the host, a file can be changed through the one that allows it.
    ///
    /// # Errors
    /// The directory can't be opened.
    pub fn preopen_dir_with(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl Into<String>,
        access: DirAccess,
    ) -> io::Result<&mut Self> {
        let host = cap_std::fs::Dir::open_ambient_dir(host_path, cap_std::ambient_authority())?;
        self.preopens.push(Descriptor::Dir(Dir::preopen(host, access, guest_path.into())));
        Ok(self)
    }

    /// Gives the guest a directory in memory that it sees as `guest_path`, for reading and writing.
    pub fn preopen_memory_dir(
        &mut self,
        dir: &MemoryDir,
        guest_path: impl Into<String>,
    ) -> &mut Self {
        self.preopen_memory_dir_with(dir, guest_path, DirAccess::ReadWrite)
    }

    /// Gives the guest a directory in memory that it sees as `guest_path`. It behaves as one of the
    /// host does on Linux; renaming and linking between the two fails with
    /// [`Errno::Xdev`](crate::Errno::Xdev).
    pub fn preopen_memory_dir_with(
        &mut self,
        dir: &MemoryDir,
        guest_path: impl Into<String>,
        access: DirAccess,
    ) -> &mut Self {
        let dir = Dir::preopen_memory(dir.node(), access, guest_path.into());
        self.preopens.push(Descriptor::Dir(dir));
        self
    }

    /// Gives the guest a listener that it can accept connections from. Its descriptor follows those
    /// of the directories and listeners added before it, which start at 3.
    ///
    /// # Errors
    /// The listener can't be switched to non-blocking mode.
    pub fn preopen_listener(&mut self, listener: TcpListener) -> io::Result<&mut Self> {
        self.preopens.push(Descriptor::Socket(Socket::of_listener(listener)?));
        Ok(self)
    }

    /// Gives the guest a connection, as [`preopen_listener`](Self::preopen_listener) gives a
    /// listener.
    ///
    /// # Errors
    /// The connection can't be switched to non-blocking mode.
    pub fn preopen_stream(&mut self, stream: TcpStream) -> io::Result<&mut Self> {
        self.preopens.push(Descriptor::Socket(Socket::of_stream(stream)?));
        Ok(self)
    }

    /// Gives the guest a socket for datagrams, as [`preopen_listener`](Self::preopen_listener)
    /// gives a listener. It may send where the embedder connected it to, and else where
    /// [`allow_addresses`](Self::allow_addresses) lets it.
    ///
    /// # Errors
    /// The socket can't be switched to non-blocking mode.
    pub fn preopen_datagram(&mut self, socket: UdpSocket) -> io::Result<&mut Self> {
        self.preopens.push(Descriptor::Socket(Socket::of_datagram(socket)?));
        Ok(self)
    }

    /// Lets the guest make sockets that lead to these addresses: bind them, connect and send to
    /// them, and join groups among them. Connections from anywhere may come in where it listens.
    pub fn allow_addresses(&mut self, ranges: impl IntoIterator<Item = AddressRange>) -> &mut Self {
        self.network.ranges.extend(ranges);
        self
    }

    /// Lets the guest resolve names: `example.com` that one, `*.example.com` those that end so, `*`
    /// all. Resolving tells name servers what the guest asks for.
    pub fn allow_resolve(
        &mut self,
        patterns: impl IntoIterator<Item = impl Into<String>>,
    ) -> &mut Self {
        self.network.names.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Limits how many descriptors the guest may hold: 1024 unless set. Standard streams and
    /// preopened directories always fit.
    pub fn max_descriptors(&mut self, max: usize) -> &mut Self {
        self.max_descriptors = max;
        self
    }

    /// Sets a question that a waiting guest asks every 20 milliseconds. Once it answers `true`, the
    /// call that waits fails with [`Errno::Intr`], and a guest of a linker traps. It should go on
    /// answering so until the guest has ended.
    pub fn interrupt(
        &mut self,
        interrupted: impl Fn() -> bool + Send + Sync + 'static,
    ) -> &mut Self {
        self.interrupt = Interrupt::new(Arc::new(interrupted));
        self
    }

    /// Makes the world. The builder is as new afterwards, since streams and directories have moved.
    pub fn build(&mut self) -> WasiCtx {
        let parts = std::mem::take(self);
        let output =
            |stream: Stream| if parts.filters_escapes { stream.filtered() } else { stream };
        let streams = [parts.stdin, output(parts.stdout), output(parts.stderr)];
        let streams = streams.map(Descriptor::Stream);
        let initial = streams.len() + parts.preopens.len();
        let fds = FdTable::with(
            streams.into_iter().chain(parts.preopens),
            parts.max_descriptors.max(initial),
        );
        WasiCtx {
            args: parts.args,
            env: parts
                .env
                .into_iter()
                .map(|(name, value)| format!("{name}={value}").into_bytes())
                .collect(),
            fds,
            interrupt: parts.interrupt,
            epoch: Instant::now(),
            polling_since: None,
            network: Arc::new(parts.network),
            waits_elsewhere: false,
        }
    }
}

impl Default for WasiCtxBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WasiCtxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and environment may hold secrets.
        f.debug_struct("WasiCtxBuilder")
            .field("args", &self.args.len())
            .field("env", &self.env.len())
            .field("preopens", &self.preopens)
            .finish_non_exhaustive()
    }
}
