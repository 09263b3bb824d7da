//! Numbers that look random and follow from a seed.

/// A number that follows from two others, and tells neither (the finalizer of splitmix64).
pub fn mix(seed: u64, position: u64) -> u64 {
    let step = position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut z = seed.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What stands in for the input of a fuzzer: a few thousand bytes.
pub fn bytes_of_seed(seed: u64) -> Vec<u8> {
    let words = 128 + mix(seed, 0) % 1920;
    (1..=words).flat_map(|position| mix(seed, position).to_le_bytes()).collect()
}
