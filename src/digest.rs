//! SHA-256, by which a certificate names what it is for.
//!
//! The mock's own digests (BLAKE3) compare states of an organisation; these are for other tools to make again.

use std::fmt::Write as _;

/// The SHA-256 of `bytes`, in lower-case hexadecimal digits.
///
/// Source: FIPS 180-4.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut text = String::with_capacity(64);
    for byte in digest.as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_digest_of_the_standard() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::sha256(b"abc"), expected);
    }
}
