//! Hashes of words and texts: FNV-1a with a final mix.

/// The initial value for [`fnv_bytes`].
pub(super) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

pub(super) fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
}

pub(super) fn fnv_bytes(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| fnv(hash, *byte))
}

/// Mixes an FNV hash so that every bit is well distributed.
pub(super) fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(MIX);
    hash ^ (hash >> 29)
}

/// A 64-bit hash of a text's bytes, for recognising a text, not for secrets.
pub(crate) fn hash_text(text: &str, seed: u64) -> u64 {
    // Two lanes of eight bytes, so that their multiplications do not wait for each other.
    let (blocks, rest) = text.as_bytes().as_chunks::<16>();
    let mut lanes = [seed ^ (text.len() as u64).wrapping_mul(MIX), seed];
    for block in blocks {
        let block = u128::from_le_bytes(*block);
        lanes[0] = (lanes[0] ^ block as u64).wrapping_mul(MIX).rotate_left(29);
        lanes[1] = (lanes[1] ^ (block >> 64) as u64).wrapping_mul(FNV_PRIME).rotate_left(31);
    }
    let (words, rest) = rest.as_chunks::<8>();
    let mut hash = combine(lanes[0], lanes[1]);
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(MIX).rotate_left(29);
    }
    finish(fnv_bytes(hash, rest))
}

/// Combines two hashes; the order matters.
pub(crate) fn combine(left: u64, right: u64) -> u64 {
    (left.rotate_left(17) ^ right).wrapping_mul(MIX)
}
