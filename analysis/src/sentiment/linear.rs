//! The linear model: a table of small integers indexed by hashed features, and a few floats for the plain
//! features.
//!
//! The file (`models/sentiment.bin`, written by the example `train_sentiment`) is little-endian: magic, the
//! checksum of its lexicon, number of hash bits, scale, two biases, two weights per plain feature, a bit per
//! hashed word seen in training, then two `i8` weights per bucket (negative, positive; neutral is 0).

use super::features::{GROUPS, PLAIN, Plain, Sink};

/// First bytes of a model file; the last digit is the version of the format and of the features.
pub const MAGIC: &[u8; 8] = b"HKSENT01";
/// Bits of the set of known words.
pub const KNOWN_BITS: u32 = 17;
const HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 8 + PLAIN * 8;

/// A model that borrows its table from the file's bytes.
pub struct Linear<'a> {
    /// Checksum of the lexicon used in training.
    pub lexicon_checksum: u64,
    shift: u32,
    scale: f32,
    bias: [f32; 2],
    plain: [[f32; 2]; PLAIN],
    known: &'a [u8],
    table: &'a [[u8; 2]],
}

/// A hashed feature's bucket in a table of `1 << bits` buckets.
#[inline(always)]
pub fn bucket(group: usize, hash: u64, bits: u32) -> usize {
    bucket_shifted(group, hash, 64 - bits)
}

#[inline(always)]
fn bucket_shifted(group: usize, hash: u64, shift: u32) -> usize {
    let mixed = (hash ^ (hash >> 29) ^ (group as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> shift) as usize
}

/// A word's bit in the set of known words.
#[inline(always)]
pub fn known_bit(hash: u64) -> usize {
    bucket(GROUPS, hash, KNOWN_BITS)
}

impl<'a> Linear<'a> {
    /// Reads a model file; `None` unless it has this version.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
        let float = |at: usize| Some(f32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
        if &header[..8] != MAGIC {
            return None;
        }
        let lexicon_checksum = u64::from_le_bytes(header[8..16].try_into().ok()?);
        let bits = u32::from_le_bytes(header[16..20].try_into().ok()?);
        if !(8..=24).contains(&bits) {
            return None;
        }
        let mut plain = [[0.0; 2]; PLAIN];
        for (idx, pair) in plain.iter_mut().enumerate() {
            *pair = [float(32 + idx * 8)?, float(36 + idx * 8)?];
        }
        let (known, table) = rest.split_at_checked(1 << (KNOWN_BITS - 3))?;
        let (table, []) = table.as_chunks::<2>() else { return None };
        (table.len() == 1 << bits).then_some(Self {
            lexicon_checksum,
            shift: 64 - bits,
            scale: float(20)?,
            bias: [float(24)?, float(28)?],
            plain,
            known,
            table,
        })
    }

    /// An empty sum to add features to.
    pub(crate) fn start(&self) -> Sum<'_> {
        Sum { model: self, sums: [[0; 2]; GROUPS], counts: [0; GROUPS], known: 0 }
    }
}

/// Sums the weights of a message's features as they are found.
pub(crate) struct Sum<'a> {
    model: &'a Linear<'a>,
    sums: [[i32; 2]; GROUPS],
    counts: [u32; GROUPS],
    /// Words that occurred in training.
    pub(crate) known: u32,
}

impl Sink for Sum<'_> {
    #[inline(always)]
    fn feature(&mut self, group: usize, hash: u64) {
        let [negative, positive] = self.model.table[bucket_shifted(group, hash, self.model.shift)];
        self.sums[group][0] += i32::from(negative as i8);
        self.sums[group][1] += i32::from(positive as i8);
        self.counts[group] += 1;
    }

    #[inline(always)]
    fn word(&mut self, hash: u64) {
        let bit = known_bit(hash);
        self.known += u32::from(self.model.known[bit >> 3] >> (bit & 7) & 1);
    }
}

impl Sum<'_> {
    /// Probabilities of negative, neutral and positive.
    pub(crate) fn probabilities(&self, plain: &Plain) -> [f32; 3] {
        let mut logits = self.model.bias;
        for (sums, count) in self.sums.iter().zip(self.counts) {
            let norm = self.model.scale / (count.max(1) as f32).sqrt();
            logits[0] += sums[0] as f32 * norm;
            logits[1] += sums[1] as f32 * norm;
        }
        for (value, weights) in plain.values.iter().zip(&self.model.plain) {
            logits[0] += value * weights[0];
            logits[1] += value * weights[1];
        }
        softmax([logits[0], 0.0, logits[1]])
    }
}

/// Turns logits into probabilities.
pub fn softmax(logits: [f32; 3]) -> [f32; 3] {
    let most = logits[0].max(logits[1]).max(logits[2]);
    let powers = logits.map(|logit| (logit - most).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}
