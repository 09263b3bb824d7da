//! Keeping what was compiled in process: what a compilation is known by, and who keeps its outcome.

use core::fmt;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;
use std::{env, fs};

use wamr_runtime::MemoryKind;
use wamr_types::Module;

use crate::FileMemory;
use crate::compiler::{CodeGenerator, CompileOptions};
use crate::file::{ABI_MAJOR, FORMAT_VERSION};

/// Keeps compiled code.
///
/// # Safety
/// What [`CodeCache::get`] gives is run. It has to be what [`CodeCache::put`] was given for the same
/// key, though it may be damaged; nobody who must not run code in this process may be able to make
/// it anything else.
pub unsafe trait CodeCache: fmt::Debug + Send + Sync {
    /// The file that is kept for a key.
    fn get(&self, key: &CacheKey) -> Option<FileMemory>;

    /// What was given for a key is of use, and is run from now on.
    fn used(&self, key: &CacheKey);

    /// Keeps a file for a key, in place of the one that it may have kept before, which was of no
    /// use. That it cannot be kept is no failure.
    fn put(&self, key: &CacheKey, file: &[u8]);
}

/// What a compilation is known by: a digest of everything that its outcome depends on, this build
/// of the compiler included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// What compiling a module is known by; `None` if it cannot be told which build of the compiler
    /// this is.
    pub(crate) fn new(
        generator: &dyn CodeGenerator,
        module: &Module,
        options: &CompileOptions,
    ) -> Option<Self> {
        // Whoever adds an option has to say here whether it changes the outcome.
        let CompileOptions {
            memory0,
            threads: _,
            defer_invalid_bodies,
            counts_fuel,
            inlines,
            inline_budget_bytes,
        } = options;
        let target = generator.target();
        let mut digest = Digest(blake3::Hasher::new());
        digest.add(build()?);
        digest.add(&[FORMAT_VERSION.to_le_bytes(), ABI_MAJOR.to_le_bytes()].concat());
        digest.add(generator.name().as_bytes());
        digest.add(generator.version().as_bytes());
        digest.add(target.arch.as_bytes());
        digest.add(&(target.cpu_features.len() as u64).to_le_bytes());
        for feature in &target.cpu_features {
            digest.add(feature.as_bytes());
        }
        let kinds = memory0.iter().map(|kind| match kind {
            MemoryKind::Checked => 0,
            MemoryKind::Guarded => 1,
        });
        digest.add(&kinds.collect::<Vec<u8>>());
        digest.add(&[(*defer_invalid_bodies).into(), (*counts_fuel).into(), (*inlines).into()]);
        digest.add(&(*inline_budget_bytes as u64).to_le_bytes());
        // They decide which bodies are valid.
        let features = module.features.iter().map(|feature| feature.name());
        digest.add(features.collect::<Vec<_>>().join(" ").as_bytes());
        digest.add(module.bytes.as_slice());
        Some(Self(*digest.0.finalize().as_bytes()))
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The digest in hexadecimal digits.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Of parts, each with its length, so that no part can be taken for a piece of another.
struct Digest(blake3::Hasher);

impl Digest {
    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

/// What tells this build of the compiler from others, also from those that call themselves the same
/// version: the program that it is part of.
fn build() -> Option<&'static [u8]> {
    static BUILD: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let find = || {
        let path = env::current_exe().ok()?;
        // The file that is running, even if there is another one in its place by now.
        let running = if cfg!(target_os = "linux") { "/proc/self/exe".as_ref() } else { &*path };
        let metadata = fs::metadata(running).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let mut build = env!("CARGO_PKG_VERSION").as_bytes().to_vec();
        build.push(0);
        build.extend_from_slice(&metadata.len().to_le_bytes());
        build.extend_from_slice(&modified.as_nanos().to_le_bytes());
        build.extend_from_slice(path.as_os_str().as_encoded_bytes());
        Some(build)
    };
    BUILD.get_or_init(find).as_deref()
}
