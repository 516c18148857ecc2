//! One seed, many named streams.
//!
//! Each component draws from a stream of its own, so that a new draw in one does not shift
//! another. What belongs to one record is not drawn in order at all but computed from a key, so
//! that record 900,000 costs what record 1 does.

use rand::SeedableRng;

/// The generator of every stream: its output is fixed by the algorithm, not by a crate's version.
pub type Generator = rand_xoshiro::Xoshiro256PlusPlus;

/// The generator of the stream `name` under `seed`.
pub fn stream(seed: u64, name: &str) -> Generator {
    Generator::seed_from_u64(key(seed, name))
}

/// A key for values that are computed rather than drawn in order; see [`keyed`].
pub fn key(seed: u64, name: &str) -> u64 {
    // FNV-1a over the name, mixed with the seed. Not cryptographic: streams only need to be distinct.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash ^ mix(seed))
}

/// Sixty-four uniform bits that belong to item `index` under `key`.
pub fn keyed(key: u64, index: u64) -> u64 {
    mix(key ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A uniform number in [0, 1) made of the upper bits of `bits`.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A uniform index below `bound`, made of `bits`. `bound` must not be zero.
pub fn below(bits: u64, bound: usize) -> usize {
    ((u128::from(bits) * bound as u128) >> 64) as usize
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_repeat_and_differ_by_name_and_seed() {
        let first = |seed, name| stream(seed, name).next_u64();
        assert_eq!(first(1, "service"), first(1, "service"));
        assert_ne!(first(1, "service"), first(1, "backoff"));
        assert_ne!(first(1, "service"), first(2, "service"));
    }

    #[test]
    fn keyed_values_are_uniform_enough_for_shares() {
        let key = key(7, "filled");
        let hits = (0..100_000).filter(|&id| unit(keyed(key, id)) < 0.3).count();
        assert!((29_000..31_000).contains(&hits), "{hits}");
        assert!((0..1000).all(|id| below(keyed(key, id), 7) < 7));
    }
}
