//! Distances that are known once all functions have their places, and how machines have them in
//! their instructions.

use wamr_types::DefinedFuncIdx;

/// A place that needs the distance to something.
#[derive(Clone, Copy, Debug)]
pub struct Reloc {
    /// The offset of the place.
    pub at: u32,
    /// What stands there.
    pub kind: RelocKind,
    /// What to add to the distance.
    pub addend: i64,
    /// What the distance leads to.
    pub target: RelocTarget,
}

/// What a [`Reloc`] refers to.
#[derive(Clone, Copy, Debug)]
pub enum RelocTarget {
    /// A function of the module, for the same kind of memory 0.
    Func(DefinedFuncIdx),
    /// What the runtime knows by a name, in the table behind the code.
    Linked(&'static str),
}

/// How a distance stands in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocKind {
    /// In 32 bits (x86-64).
    Word,
    /// In words, in 26 bits of a branch (aarch64).
    Arm64Branch,
    /// In pages of 4 KiB, in an `adrp` (aarch64).
    Arm64Page,
    /// The place within its page, in a load of 64 bits (aarch64).
    Arm64LoadInPage,
    /// In two instructions, an `auipc` and a `jalr` (riscv64).
    RiscvCall,
    /// The upper part, in an `auipc` (riscv64).
    RiscvUpper,
    /// The lower part of the distance from an `auipc` at this offset, in a load (riscv64).
    RiscvLower {
        /// The offset of the `auipc` in its function.
        upper_at: u32,
    },
}

impl RelocKind {
    /// Writes a distance to code that begins at a multiple of 4 KiB: from `at` to `to`, both
    /// counted from there; `start` is where the function begins. `None` if it is too far, or the
    /// place is not there.
    pub(super) fn apply(self, code: &mut [u8], start: usize, at: usize, to: i64) -> Option<()> {
        let distance = to.checked_sub(i64::try_from(at).ok()?)?;
        let words = code.get_mut(at..)?;
        let (first, rest) = words.split_first_chunk_mut::<4>()?;
        let mut set = |mask: u32, value: u32| {
            let word = u32::from_le_bytes(*first) & !mask | value & mask;
            *first = word.to_le_bytes();
        };
        match self {
            Self::Word => set(u32::MAX, i32::try_from(distance).ok()? as u32),
            Self::Arm64Branch => set(0x03ff_ffff, field(distance, 2, 26)?),
            Self::Arm64Page => {
                let pages = field((to >> 12) - (at as i64 >> 12), 0, 21)?;
                set(3 << 29 | 0x7_ffff << 5, (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5);
            }
            Self::Arm64LoadInPage => set(0xfff << 10, (((to & 0xfff) >> 3) as u32) << 10),
            Self::RiscvCall => {
                let (upper, lower) = riscv_parts(distance)?;
                set(0xffff_f000, upper);
                let second = rest.first_chunk_mut::<4>()?;
                let word = u32::from_le_bytes(*second) & 0x000f_ffff | lower;
                *second = word.to_le_bytes();
            }
            Self::RiscvUpper => set(0xffff_f000, riscv_parts(distance)?.0),
            Self::RiscvLower { upper_at } => {
                let distance = to.checked_sub(i64::try_from(start + upper_at as usize).ok()?)?;
                set(0xfff0_0000, riscv_parts(distance)?.1);
            }
        }
        Some(())
    }
}

/// A number in units of `1 << unit`, as so many bits with a sign.
fn field(distance: i64, unit: u32, bits: u32) -> Option<u32> {
    let value = distance >> unit;
    let limit = 1_i64 << (bits - 1);
    (value << unit == distance && (-limit..limit).contains(&value)).then_some(value as u32)
}

/// What an `auipc` and the instruction behind it have of a distance, where they have it.
fn riscv_parts(distance: i64) -> Option<(u32, u32)> {
    // The lower part has a sign.
    let upper = i32::try_from(distance.checked_add(0x800)?).ok()? as u32 & 0xffff_f000;
    Some((upper, (distance as u32).wrapping_sub(upper) << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(kind: RelocKind, word: u32, at: usize, to: i64) -> Option<u32> {
        let mut code = vec![0; at];
        code.extend(word.to_le_bytes());
        code.extend([0x67, 0x80, 0x03, 0x00]);
        kind.apply(&mut code, 0, at, to)?;
        code[at..].first_chunk().map(|word| u32::from_le_bytes(*word))
    }

    #[test]
    fn instructions_get_their_distances() {
        // bl +8, bl -4
        assert_eq!(applied(RelocKind::Arm64Branch, 0x9400_0000, 4, 12), Some(0x9400_0002));
        assert_eq!(applied(RelocKind::Arm64Branch, 0x9400_0000, 4, 0), Some(0x97ff_ffff));
        assert_eq!(applied(RelocKind::Arm64Branch, 0x9400_0000, 4, 4 + (1 << 27)), None);
        // adrp x1, +3 pages; ldr x1, [x1, #0x48]
        assert_eq!(applied(RelocKind::Arm64Page, 0x9000_0001, 8, 0x3048), Some(0xf000_0001));
        assert_eq!(applied(RelocKind::Arm64Page, 0x9000_0001, 0x1008, 8), Some(0xf0ff_ffe1));
        let load = applied(RelocKind::Arm64LoadInPage, 0xf940_0021, 8, 0x3048);
        assert_eq!(load, Some(0xf940_2421));
        // auipc t0, 1 and the rest; the lower part is negative from 0x800 on.
        assert_eq!(applied(RelocKind::RiscvUpper, 0x0000_0297, 0, 0x1004), Some(0x0000_1297));
        assert_eq!(applied(RelocKind::RiscvUpper, 0x0000_0297, 0, 0x1800), Some(0x0000_2297));
        let lower = RelocKind::RiscvLower { upper_at: 0 };
        assert_eq!(applied(lower, 0x0002_b283, 4, 0x1800), Some(0x8002_b283));
        assert_eq!(applied(RelocKind::RiscvCall, 0x97, 0, 0x1_0000_0000), None);
        // call rel32
        assert_eq!(applied(RelocKind::Word, 0, 4, 0), Some(-4_i32 as u32));
    }

    #[test]
    fn places_that_are_not_there_are_refused() {
        for kind in [RelocKind::Word, RelocKind::RiscvCall, RelocKind::Arm64Page] {
            assert_eq!(kind.apply(&mut [0; 7], 0, 5, 64), None);
        }
        assert_eq!(RelocKind::RiscvCall.apply(&mut [0; 4], 0, 0, 64), None);
    }
}
