//! Whether values are what an `assert_return` asks for.

use wamr::{AbstractHeapType, AnyRef, HeapType, Store, Val};
use wast::WastRet;
use wast::core::{NanPattern, V128Pattern, WastRetCore};
use wast::token::{F32, F64};

use crate::value::{hierarchy, top};

/// Whether results match their patterns, one by one.
pub(crate) fn all_match(store: &mut Store<()>, values: &[Val], patterns: &[WastRet<'_>]) -> bool {
    values.len() == patterns.len()
        && values.iter().zip(patterns).all(|(value, pattern)| match pattern {
            WastRet::Core(pattern) => matches_one(store, value, pattern),
            _ => false,
        })
}

fn matches_one(store: &mut Store<()>, value: &Val, pattern: &WastRetCore<'_>) -> bool {
    use WastRetCore as R;
    match (pattern, value) {
        (R::Either(patterns), _) => patterns.iter().any(|p| matches_one(store, value, p)),
        (R::I32(expected), Val::I32(value)) => value == expected,
        (R::I64(expected), Val::I64(value)) => value == expected,
        (R::F32(pattern), Val::F32(bits)) => f32_matches(*bits, pattern),
        (R::F64(pattern), Val::F64(bits)) => f64_matches(*bits, pattern),
        (R::V128(pattern), Val::V128(bits)) => v128_matches(bits.to_le_bytes(), pattern),
        (R::RefNull(heap), _) => hierarchy(value).is_some_and(|(found, is_null)| {
            is_null && heap.as_ref().and_then(top).is_none_or(|expected| expected == found)
        }),
        (R::RefFunc(_), Val::FuncRef(value)) => value.is_some(),
        (R::RefExtern(None), Val::ExternRef(value)) => value.is_some(),
        (R::RefExtern(Some(number)), Val::ExternRef(Some(value))) => {
            value.data(&*store).ok().flatten().and_then(|data| data.downcast_ref::<u32>())
                == Some(number)
        }
        (_, Val::AnyRef(Some(value))) => object_matches(store, value, pattern),
        _ => false,
    }
}

fn object_matches(store: &mut Store<()>, value: &AnyRef, pattern: &WastRetCore<'_>) -> bool {
    use AbstractHeapType as H;
    use WastRetCore as R;
    let heap = match pattern {
        R::RefAny => H::Any,
        R::RefEq => H::Eq,
        R::RefI31 | R::RefI31Shared => H::I31,
        R::RefStruct => H::Struct,
        R::RefArray => H::Array,
        R::RefHost(number) => {
            let host = value.to_extern(&mut *store).ok().flatten();
            let data = host.as_ref().and_then(|host| host.data(&*store).ok().flatten());
            return data.and_then(|data| data.downcast_ref::<u32>()) == Some(number);
        }
        _ => return false,
    };
    value.is(store, HeapType::Abstract(heap)).unwrap_or(false)
}

fn f32_matches(bits: u32, pattern: &NanPattern<F32>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(expected) => bits == expected.bits,
    }
}

fn f64_matches(bits: u64, pattern: &NanPattern<F64>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(expected) => bits == expected.bits,
    }
}

fn v128_matches(bytes: [u8; 16], pattern: &V128Pattern) -> bool {
    match pattern {
        V128Pattern::I8x16(lanes) => lanes_match(bytes, lanes, |b, l| i8::from_le_bytes(b) == *l),
        V128Pattern::I16x8(lanes) => lanes_match(bytes, lanes, |b, l| i16::from_le_bytes(b) == *l),
        V128Pattern::I32x4(lanes) => lanes_match(bytes, lanes, |b, l| i32::from_le_bytes(b) == *l),
        V128Pattern::I64x2(lanes) => lanes_match(bytes, lanes, |b, l| i64::from_le_bytes(b) == *l),
        V128Pattern::F32x4(lanes) => {
            lanes_match(bytes, lanes, |b, lane| f32_matches(u32::from_le_bytes(b), lane))
        }
        V128Pattern::F64x2(lanes) => {
            lanes_match(bytes, lanes, |b, lane| f64_matches(u64::from_le_bytes(b), lane))
        }
    }
}

/// Compares lanes of `N` bytes, lane 0 first.
fn lanes_match<const N: usize, L>(
    bytes: [u8; 16],
    lanes: &[L],
    matches: impl Fn([u8; N], &L) -> bool,
) -> bool {
    let (chunks, rest) = bytes.as_chunks::<N>();
    rest.is_empty()
        && chunks.len() == lanes.len()
        && chunks.iter().zip(lanes).all(|(bytes, lane)| matches(*bytes, lane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_nans_have_one_payload_and_either_sign() {
        for bits in [0x7fc0_0000, 0xffc0_0000] {
            assert!(f32_matches(bits, &NanPattern::CanonicalNan));
            assert!(f32_matches(bits, &NanPattern::ArithmeticNan));
        }
        assert!(!f32_matches(0x7fc0_0001, &NanPattern::CanonicalNan));
        assert!(f32_matches(0x7fc0_0001, &NanPattern::ArithmeticNan));
        assert!(!f32_matches(0x7fa0_0000, &NanPattern::ArithmeticNan), "a signalling NaN");
        assert!(!f32_matches(0x7f80_0000, &NanPattern::ArithmeticNan), "infinity");
        assert!(f64_matches(f64::NAN.to_bits(), &NanPattern::CanonicalNan));
        assert!(!f64_matches(0x7ff4_0000_0000_0000, &NanPattern::ArithmeticNan));
    }

    #[test]
    fn lanes_are_compared_from_the_least_significant_byte() {
        let bytes = 0x0001_u128.to_le_bytes();
        assert!(v128_matches(bytes, &V128Pattern::I16x8([1, 0, 0, 0, 0, 0, 0, 0])));
        assert!(!v128_matches(bytes, &V128Pattern::I16x8([0, 0, 0, 0, 0, 0, 0, 1])));
        let nan = NanPattern::CanonicalNan;
        let lanes = [nan, NanPattern::Value(F64 { bits: 0 })];
        assert!(v128_matches(
            u128::from(f64::NAN.to_bits()).to_le_bytes(),
            &V128Pattern::F64x2(lanes)
        ));
    }
}
