//! The header: what every reader of every version can read, right behind the header of ELF.

use super::FileError;

/// Where the header begins: the size of ELF's own header.
pub(super) const OFFSET: usize = 64;
/// How long it is.
pub(super) const LEN: usize = 56;
/// Where the digest is in the file. It is taken over the whole file, with zeros in its own place.
pub(super) const DIGEST_OFFSET: usize = OFFSET + 24;
/// How long the digest is.
pub(super) const DIGEST_LEN: usize = 32;

/// What the header begins with.
const MAGIC: &[u8; 8] = b"WAMR-AOT";
/// The version of the container: the header, how sections are found, the digest.
pub const FORMAT_VERSION: u16 = 1;
/// The version of the contract between code and runtime: the calling convention, the meaning of
/// everything that is named. A file of another one cannot be run.
pub const ABI_MAJOR: u16 = 1;
/// The latest version of what modules can import, within [`ABI_MAJOR`]. Files of all versions before
/// can be read.
pub const PACKAGE_VERSION: u16 = 2;

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) package: u16,
    /// The length of the file in bytes.
    pub(super) len: u64,
    pub(super) digest: [u8; DIGEST_LEN],
}

impl Header {
    /// Whether the bytes are a file of this kind, of any version.
    pub(super) fn is_there(bytes: &[u8]) -> bool {
        bytes.starts_with(b"\x7fELF") && bytes.get(OFFSET..OFFSET + MAGIC.len()) == Some(MAGIC)
    }

    #[cfg(feature = "compiler")]
    pub(super) fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&ABI_MAJOR.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.package.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.len.to_le_bytes());
        bytes[24..].copy_from_slice(&self.digest);
        bytes
    }

    /// Reads the header of a file for which [`Header::is_there`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, FileError> {
        let bytes = bytes.get(OFFSET..OFFSET + LEN).ok_or(FileError::Damaged)?;
        let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let newer = |what, found, known| FileError::Version { what, found, known };
        match (number(8), number(10), number(12)) {
            (FORMAT_VERSION, ABI_MAJOR, 1..=PACKAGE_VERSION) => {}
            (format, ..) if format != FORMAT_VERSION => {
                return Err(newer("format", format, FORMAT_VERSION));
            }
            (_, abi, _) if abi != ABI_MAJOR => return Err(newer("ABI", abi, ABI_MAJOR)),
            (.., package) => return Err(newer("package", package, PACKAGE_VERSION)),
        }
        if number(14) != 0 {
            return Err(FileError::Malformed("bytes of the header that mean nothing yet"));
        }
        let mut len = [0; 8];
        len.copy_from_slice(&bytes[16..24]);
        let mut digest = [0; DIGEST_LEN];
        digest.copy_from_slice(&bytes[24..]);
        Ok(Self { package: number(12), len: u64::from_le_bytes(len), digest })
    }
}

/// What a signature behind the end of a file begins with; the public key and the signature follow,
/// of 32 and 64 bytes.
pub(super) const TRAILER_MAGIC: &[u8; 8] = b"WAMR-SIG";

/// What stands behind the end of a file that is signed.
#[cfg_attr(not(feature = "signatures"), allow(dead_code, reason = "who signed does not matter"))]
pub(super) struct Trailer<'a> {
    pub(super) key: &'a [u8; 32],
    pub(super) signature: &'a [u8; 64],
}

/// Splits a file into what its header covers, and its signature.
pub(super) fn split<'a>(
    file: &'a [u8],
    header: &Header,
) -> Result<(&'a [u8], Option<Trailer<'a>>), FileError> {
    let len = usize::try_from(header.len).ok().filter(|&len| len >= OFFSET + LEN);
    let split = len.and_then(|len| file.split_at_checked(len));
    let (contents, rest) = split.ok_or(FileError::Damaged)?;
    if rest.is_empty() {
        return Ok((contents, None));
    }
    let trailer = || {
        let (key, signature) = rest.strip_prefix(TRAILER_MAGIC)?.split_first_chunk()?;
        Some(Trailer { key, signature: signature.try_into().ok()? })
    };
    Ok((contents, Some(trailer().ok_or(FileError::Damaged)?)))
}
