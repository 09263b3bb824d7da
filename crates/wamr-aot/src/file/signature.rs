//! Signatures: a file may have one behind its end, by a key that whoever loads it trusts.
//!
//! What is signed is the digest, which covers the whole file. Keys are those of other tools:
//!
//! ```sh
//! openssl genpkey -algorithm ed25519 -out key.pem
//! openssl pkey -in key.pem -pubout -out key.pub
//! ```

use core::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::header::{Header, TRAILER_MAGIC, split};
use super::{FileError, Kind, digest};

/// What is signed begins with this, so that a key's signatures mean nothing elsewhere.
const CONTEXT: &[u8] = b"WAMR AOT file, signature 1\0";

/// Why text is not a key, or what a signature is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The text is not a key for ed25519 in the form that openssl writes.
    NotAKey,
    /// The file is not signed.
    Missing,
    /// The file is signed by another key, or what was signed is not this file.
    Wrong,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAKey => "this is not a key for ed25519 in PEM",
            Self::Missing => "the AOT file is not signed",
            Self::Wrong => "the AOT file is not signed by a key that is trusted",
        })
    }
}

impl core::error::Error for SignatureError {}

/// A key that signs files.
pub struct SecretKey(SigningKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

impl SecretKey {
    /// Reads a key in PKCS#8, as PEM.
    ///
    /// # Errors
    /// If the text is something else.
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        SigningKey::from_pkcs8_pem(text).map(Self).map_err(|_| SignatureError::NotAKey)
    }

    /// Signs a file, in place of the signature that it may have.
    ///
    /// # Errors
    /// If it is not a file that can be read.
    pub fn sign(&self, file: &mut Vec<u8>) -> Result<(), FileError> {
        let message = message(file)?;
        let len = split(file, &Header::decode(file)?)?.0.len();
        file.truncate(len);
        file.extend_from_slice(TRAILER_MAGIC);
        file.extend_from_slice(self.0.verifying_key().as_bytes());
        file.extend_from_slice(&self.0.sign(&message).to_bytes());
        Ok(())
    }
}

/// A key that says whether files were signed by its secret other half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key in SubjectPublicKeyInfo, as PEM.
    ///
    /// # Errors
    /// If the text is something else.
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        VerifyingKey::from_public_key_pem(text).map(Self).map_err(|_| SignatureError::NotAKey)
    }
}

/// Checks that one of these keys signed a file.
///
/// # Errors
/// If none did, or it is damaged.
pub fn verify(file: &[u8], keys: &[PublicKey]) -> Result<(), FileError> {
    let message = message(file)?;
    let (_, trailer) = split(file, &Header::decode(file)?)?;
    let trailer = trailer.ok_or(FileError::Signature(SignatureError::Missing))?;
    let signature = Signature::from_bytes(trailer.signature);
    let is_by = |key: &PublicKey| {
        key.0.as_bytes() == trailer.key && key.0.verify_strict(&message, &signature).is_ok()
    };
    if keys.iter().any(is_by) {
        return Ok(());
    }
    Err(FileError::Signature(SignatureError::Wrong))
}

/// What is signed of a file whose digest fits.
fn message(file: &[u8]) -> Result<Vec<u8>, FileError> {
    if !Header::is_there(file) {
        return Err(FileError::NotAot(Kind::of(file)));
    }
    let header = Header::decode(file)?;
    let (contents, _) = split(file, &header)?;
    if header.digest != digest::digest(contents) {
        return Err(FileError::Damaged);
    }
    Ok([CONTEXT, &header.digest].concat())
}
