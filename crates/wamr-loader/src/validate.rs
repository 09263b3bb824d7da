//! Validation of function bodies: one, or all of a module on as many threads as pay off.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, OperatorsReader,
    ValidatorResources, WasmModuleResources,
};

use crate::outline::Code;

/// Below this many bytes of code, starting threads costs more than it saves.
const PARALLEL_CODE_BYTES: usize = 64 * 1024;

const MAX_THREADS: usize = 8;

/// The most bodies that a thread takes at a time.
const MAX_BATCH: usize = 64;

/// What is wrong with a body, and at which position among the module's bodies it stands.
pub(crate) type BodyError = (usize, wasmparser::Error);

/// Validates every body. Of several errors it reports that of the first bad body.
pub(crate) fn all(code: &Code, bytes: &[u8]) -> Result<(), BodyError> {
    let code_bytes: usize = code.ranges.iter().map(ExactSizeIterator::len).sum();
    let threads = if code_bytes < PARALLEL_CODE_BYTES {
        1
    } else {
        thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS)
    };
    let work = Work::new(code, bytes, threads);
    thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be started leaves its share to the others.
            let _ = thread::Builder::new().spawn_scoped(scope, || work.run());
        }
        work.run();
    });
    let failed = work.failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    failed.map_or(Ok(()), Err)
}

/// Validates one body.
pub(crate) fn one(code: &Code, bytes: &[u8], position: usize) -> Result<(), BodyError> {
    let Some(resources) = &code.resources else {
        return Ok(());
    };
    body(code, resources, bytes, position, FuncValidatorAllocations::default())
        .map(drop)
        .map_err(|error| (position, error))
}

/// Whether a body that was turned down for `error` cannot even be read.
pub(crate) fn is_malformed(
    code: &Code,
    bytes: &[u8],
    position: usize,
    error: &wasmparser::Error,
) -> bool {
    read(&reader(code, bytes, position)).is_err_and(|reading| reading.offset() == error.offset())
}

/// The bodies of a module, dealt out in batches from the first to the last.
struct Work<'a> {
    code: &'a Code,
    bytes: &'a [u8],
    batch: usize,
    /// The first body that nobody has taken.
    next: AtomicUsize,
    /// The first body known to be bad, so that nobody looks at later ones.
    limit: AtomicUsize,
    failed: Mutex<Option<BodyError>>,
}

impl<'a> Work<'a> {
    fn new(code: &'a Code, bytes: &'a [u8], threads: usize) -> Self {
        let batch = (code.ranges.len() / (threads * 16)).clamp(1, MAX_BATCH);
        let limit = AtomicUsize::new(code.ranges.len());
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        Self { code, bytes, batch, next, limit, failed }
    }

    fn run(&self) {
        let Some(resources) = &self.code.resources else {
            return;
        };
        let mut allocations = FuncValidatorAllocations::default();
        loop {
            // Relaxed: a stale limit only costs time, and the scope's end orders all else.
            let start = self.next.fetch_add(self.batch, Ordering::Relaxed);
            for position in start..start + self.batch {
                if position >= self.limit.load(Ordering::Relaxed) {
                    return;
                }
                match body(self.code, resources, self.bytes, position, allocations) {
                    Ok(reusable) => allocations = reusable,
                    Err(error) => return self.fail(position, error),
                }
            }
        }
    }

    fn fail(&self, position: usize, error: wasmparser::Error) {
        self.limit.fetch_min(position, Ordering::Relaxed);
        let mut failed = self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if failed.as_ref().is_none_or(|(first, _)| position < *first) {
            *failed = Some((position, error));
        }
    }
}

fn body(
    code: &Code,
    resources: &ValidatorResources,
    bytes: &[u8],
    position: usize,
    allocations: FuncValidatorAllocations,
) -> wasmparser::Result<FuncValidatorAllocations> {
    let index = code.first_func + position as u32;
    // The function section has been validated, so every body has a type.
    let ty = resources.type_index_of_function(index).unwrap_or_default();
    let features = code.features;
    let mut validator =
        FuncToValidate { resources, index, ty, features }.into_validator(allocations);
    let mut reader = reader(code, bytes, position);
    validator.read_locals(&mut reader)?;
    while !reader.eof() {
        let offset = reader.original_position();
        reader.visit_operator(&mut validator.visitor(offset))??;
    }
    let offset = reader.original_position();
    reader.finish_expression(&validator.visitor(offset))?;
    Ok(validator.into_allocations())
}

/// A reader of one body.
pub(crate) fn reader<'a>(code: &Code, bytes: &'a [u8], position: usize) -> BinaryReader<'a> {
    let range = code.ranges[position].clone();
    let offset = range.start as u64;
    BinaryReader::new_features(&bytes[range], offset, code.features)
}

/// Reads a body without validating it.
fn read(reader: &BinaryReader<'_>) -> wasmparser::Result<()> {
    let mut locals = FunctionBody::new(reader.clone()).get_locals_reader()?;
    for _ in 0..locals.get_count() {
        locals.read()?;
    }
    let mut operators = OperatorsReader::new(locals.get_binary_reader());
    while !operators.eof() {
        operators.read()?;
    }
    operators.finish()
}
