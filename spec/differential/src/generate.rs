//! Modules from bytes.

use arbitrary::{Arbitrary, Unstructured};
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices, Module};
use wasmparser::{Operator, Parser, Payload};

/// Pages of 64 KiB that no memory goes beyond.
const MEMORY_PAGES: u64 = 6;

/// Makes a module of any bytes: always a valid one, of features that the bytes choose. `None` if
/// they are too few, or if the module could wait for what never comes.
pub fn module_from(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Unstructured::new(bytes);
    let config = config(&mut bytes).ok()?;
    let module = Module::new(config, &mut bytes).ok()?.to_bytes();
    (!may_wait(&module)).then_some(module)
}

fn config(u: &mut Unstructured<'_>) -> arbitrary::Result<Config> {
    // Which features and kinds of instructions there are is left to chance.
    let mut config = Config::arbitrary(u)?;
    if u.ratio(2, 3)? {
        use InstructionKind as Kind;
        config.allowed_instructions = InstructionKinds::new(&[
            Kind::Numeric,
            Kind::Vector,
            Kind::Reference,
            Kind::Parametric,
            Kind::Variable,
            Kind::Table,
            Kind::Memory,
            Kind::Control,
            Kind::Aggregate,
        ]);
    }
    config.wide_arithmetic_enabled = u.ratio(1, 4)?;
    config.custom_page_sizes_enabled = u.ratio(1, 6)?;
    config.generate_custom_sections = u.ratio(1, 16)?;
    config.disallow_traps = u.ratio(1, 3)?;
    config.memory_offset_choices = MemoryOffsetChoices(90, 9, 1);
    config.compact_imports_enabled = false;
    // What NaNs look like is not determined.
    config.canonicalize_nans = true;
    // What is not exported cannot be looked at.
    config.export_everything = true;
    config.min_funcs = 1;
    config.max_funcs = u.int_in_range(1..=16)?;
    config.max_instructions = u.int_in_range(10..=400)?;
    config.max_types = u.int_in_range(1..=24)?;
    config.max_imports = u.int_in_range(0..=8)?;
    config.max_tags = u.int_in_range(0..=4)?;
    config.max_globals = u.int_in_range(0..=12)?;
    config.max_element_segments = u.int_in_range(0..=6)?;
    config.max_elements = u.int_in_range(0..=12)?;
    config.max_data_segments = u.int_in_range(0..=6)?;
    config.max_memories = u.int_in_range(0..=3)?;
    config.max_tables = u.int_in_range(0..=3)?;
    config.max_memory32_bytes = MEMORY_PAGES << 16;
    config.max_memory64_bytes = u128::from(MEMORY_PAGES) << 16;
    config.max_table_elements = 64;
    config.max_type_size = 100;
    Ok(config)
}

/// Whether a module in the binary format has an operator in one of its functions.
fn has_operator(module: &[u8], is_it: impl Fn(&Operator<'_>) -> bool) -> bool {
    Parser::new(0).parse_all(module).any(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { return false };
        let Ok(operators) = body.get_operators_reader() else { return false };
        operators.into_iter().any(|operator| operator.is_ok_and(|operator| is_it(&operator)))
    })
}

/// Whether a module makes tail calls. Whether a frame that makes one to a host function is still
/// there is not the same in every mode.
pub(crate) fn has_tail_calls(module: &[u8]) -> bool {
    has_operator(module, |operator| {
        matches!(
            operator,
            Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::ReturnCallRef { .. }
        )
    })
}

/// Whether a module waits for other threads, of which there are none.
fn may_wait(module: &[u8]) -> bool {
    let shares = |payload: wasmparser::Result<Payload<'_>>| match payload {
        Ok(Payload::MemorySection(memories)) => {
            memories.into_iter().any(|memory| memory.is_ok_and(|memory| memory.shared))
        }
        Ok(Payload::ImportSection(imports)) => imports.into_imports().any(|import| {
            import.is_ok_and(
                |import| matches!(import.ty, wasmparser::TypeRef::Memory(memory) if memory.shared),
            )
        }),
        _ => false,
    };
    let waits = |operator: &Operator<'_>| {
        matches!(
            operator,
            Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. }
        )
    };
    Parser::new(0).parse_all(module).any(shares) && has_operator(module, waits)
}
