//! What computation costs, the same in every mode of execution.
//!
//! The operators of a function are cut into blocks. A block begins with the function, and behind
//! every operator for which [`OperatorFuel::ends_block`] is set. What its operators cost is
//! charged as a whole before the first of them runs that costs anything; a block that traps, throws
//! or calls half way has paid for all of it. Operators that validation knows to be unreachable
//! belong to no block. If there is less fuel than a block costs, the block does not run.
//!
//! Bulk operations ([`bulk_fuel`]) charge for their length too, when they run, before they check
//! anything. Whatever else takes long is made of operators: a loop goes round by a branch, and
//! recursion by calls. A call costs what its operator costs, whoever is called; host functions may
//! charge what they like. Instantiation is free, but for the start function.

/// Counts how often what costs how much has changed: code that was compiled before counts as it did
/// then. Every change of this module that a guest can notice changes it.
pub const COSTS_VERSION: u32 = 1;

/// How an operator counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorFuel {
    /// What it costs.
    pub cost: u32,
    /// Whether another block begins behind it.
    pub ends_block: bool,
}

/// How the operator counts that `code` begins with, in the binary format. What is no operator
/// counts as one that does not branch.
///
/// Operators cost 1, but for those that do nothing when they run.
pub fn operator_fuel(code: &[u8]) -> OperatorFuel {
    let opcode = code.first().copied().unwrap_or(0x01);
    let is_free = matches!(
        opcode,
        // nop, block, loop, else, try, catch, end, delegate, catch_all, drop, try_table
        0x01..=0x03 | 0x05..=0x07 | 0x0b | 0x18..=0x1a | 0x1f
    );
    let ends_block = match opcode {
        // unreachable, loop, if, else, catch
        0x00 | 0x03..=0x05 | 0x07 => true,
        // throw, rethrow, throw_ref, end, br, br_if, br_table, return
        0x08..=0x0f => true,
        // return_call, return_call_indirect, return_call_ref, delegate, catch_all
        0x12 | 0x13 | 0x15 | 0x18 | 0x19 => true,
        // br_on_null, br_on_non_null
        0xd5 | 0xd6 => true,
        // br_on_cast, br_on_cast_fail
        0xfb => matches!(prefixed(&code[1..]), Some(24 | 25)),
        _ => false,
    };
    OperatorFuel { cost: u32::from(!is_free), ends_block }
}

/// The number behind a prefix: at most 32 bits, as a LEB128 number.
fn prefixed(code: &[u8]) -> Option<u64> {
    let mut value = 0;
    for (position, byte) in code.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// What a bulk operation on memories costs for its length, besides its operator: 1 for each 64
/// bytes.
pub const fn bulk_fuel(bytes: u64) -> u64 {
    bytes / 64
}

/// What a bulk operation on tables or arrays costs for its length, besides its operator: as much as
/// for 8 bytes an element. `table.grow`, which may always be refused, is refused where that lacks.
pub const fn bulk_element_fuel(count: u64) -> u64 {
    bulk_fuel(count.saturating_mul(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_count_by_what_they_do() {
        let counts = |code: &[u8]| {
            let OperatorFuel { cost, ends_block } = operator_fuel(code);
            (cost, ends_block)
        };
        assert_eq!(counts(&[0x6a]), (1, false), "i32.add");
        assert_eq!(counts(&[0x01]), (0, false), "nop");
        assert_eq!(counts(&[0x02, 0x40]), (0, false), "block");
        assert_eq!(counts(&[0x03, 0x40]), (0, true), "loop");
        assert_eq!(counts(&[0x04, 0x40]), (1, true), "if");
        assert_eq!(counts(&[0x0b]), (0, true), "end");
        assert_eq!(counts(&[0x0d, 0x00]), (1, true), "br_if");
        assert_eq!(counts(&[0x10, 0x00]), (1, false), "call");
        assert_eq!(counts(&[0x12, 0x00]), (1, true), "return_call");
        assert_eq!(counts(&[0x1f, 0x40]), (0, false), "try_table");
        assert_eq!(counts(&[0xfb, 0x18]), (1, true), "br_on_cast");
        assert_eq!(counts(&[0xfb, 0x99, 0x00]), (1, true), "br_on_cast_fail, its number padded");
        assert_eq!(counts(&[0xfb, 0x00]), (1, false), "struct.new");
        assert_eq!(counts(&[0xfb]), (1, false), "no operator");
        assert_eq!(counts(&[]), (0, false), "nothing");
    }
}
