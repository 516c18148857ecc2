//! The digest of an organisation's state.

use crate::api::{AccountId, FieldId, Value};

/// A running digest over (account id, field id, value or option ids) in id order, and nothing
/// else: it agrees between worlds, strategies and ways of reading the state.
#[derive(Debug)]
pub struct StateDigest {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

/// Bytes gathered before they are hashed: many accounts at once hash several times as fast.
const BUFFER_BYTES: usize = 1 << 16;

impl StateDigest {
    /// The digest of no account.
    pub fn new() -> Self {
        Self { hasher: blake3::Hasher::new(), buffer: Vec::with_capacity(BUFFER_BYTES + 4096) }
    }

    /// Adds one account. Accounts and fields must come in id order; empty fields are left out.
    pub fn account(&mut self, id: AccountId, values: &[(FieldId, Value)]) {
        self.buffer.extend_from_slice(&id.0.to_le_bytes());
        self.buffer.extend_from_slice(&(values.len() as u32).to_le_bytes());
        for (field, value) in values {
            self.buffer.extend_from_slice(&field.0.to_le_bytes());
            match value {
                Value::Text(text) => {
                    self.buffer.push(b'T');
                    self.buffer.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    self.buffer.extend_from_slice(text.as_bytes());
                }
                Value::Options(ids) => {
                    self.buffer.push(b'O');
                    self.buffer.extend_from_slice(&(ids.len() as u32).to_le_bytes());
                    for id in ids {
                        self.buffer.extend_from_slice(&id.0.to_le_bytes());
                    }
                }
            }
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// Sixteen bytes of the digest, in hex.
    pub fn finish(mut self) -> String {
        self.hasher.update(&self.buffer);
        self.hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl Default for StateDigest {
    fn default() -> Self {
        Self::new()
    }
}
