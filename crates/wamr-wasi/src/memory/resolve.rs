//! How a path leads from a directory in memory to a node, by the rules of POSIX and of the sandbox:
//! symbolic links are followed where they must be, and nothing leads above the directory that the
//! path starts from.

use super::tree::{Kind, Tree};
use crate::errno::Errno;

/// The most symbolic links of one path, as on Linux.
const MAX_LINKS: u32 = 40;

/// The longest path, and the longest target of a symbolic link, as on Linux.
pub(super) const MAX_PATH_BYTES: usize = 4095;

/// How the last name of a path is taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Last {
    /// A symbolic link is followed.
    pub(super) follow: bool,
    /// It may be missing, and is to be a file.
    pub(super) create: bool,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Node(u64),
    /// Only the last name is missing.
    Missing {
        dir: u64,
        name: String,
    },
}

impl Found {
    pub(super) fn node(self) -> Result<u64, Errno> {
        match self {
            Self::Node(ino) => Ok(ino),
            Self::Missing { .. } => Err(Errno::Noent),
        }
    }
}

/// Follows `path` from the directory `start`.
pub(super) fn walk(tree: &Tree, start: u64, path: &str, last: Last) -> Result<Found, Errno> {
    if path.is_empty() {
        return Err(Errno::Noent);
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(Errno::Nametoolong);
    }
    // The directories on the way, from the first to where the walk is.
    let mut dirs = vec![start];
    // The names that are still to be taken, the next one last.
    let mut names: Vec<&str> = Vec::new();
    // Whether the last name must be a directory's.
    let mut is_dir_needed = false;
    let mut links = 0;
    let mut next = Some(path);
    loop {
        if let Some(path) = next.take() {
            if path.starts_with('/') {
                return Err(Errno::Perm);
            }
            is_dir_needed |= names.is_empty() && path.ends_with('/');
            names.extend(path.split('/').rev().filter(|name| !name.is_empty()));
        }
        let dir = *dirs.last().ok_or(Errno::Perm)?;
        let name = match names.pop() {
            None => return Ok(Found::Node(dir)),
            Some(".") => continue,
            Some("..") => {
                dirs.pop();
                if dirs.is_empty() {
                    return Err(Errno::Perm);
                }
                continue;
            }
            Some(name) => name,
        };
        let is_last = names.is_empty();
        if is_last && is_dir_needed && last.create {
            return Err(Errno::Isdir);
        }
        let Some(ino) = tree.lookup(dir, name)? else {
            if is_last && !is_dir_needed {
                return Ok(Found::Missing { dir, name: name.into() });
            }
            return Err(Errno::Noent);
        };
        match tree.kind(ino)? {
            Kind::Dir(_) => dirs.push(ino),
            Kind::Link(target) if !is_last || is_dir_needed || last.follow => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::Loop);
                }
                next = Some(&**target);
            }
            Kind::File(_) if !is_last || is_dir_needed => return Err(Errno::Notdir),
            Kind::File(_) | Kind::Link(_) => return Ok(Found::Node(ino)),
        }
    }
}

/// The directory that a path's last name is in, and that name; none where the path ends in the
/// directory itself.
pub(super) fn parent<'p>(
    tree: &Tree,
    start: u64,
    path: &'p str,
) -> Result<(u64, Option<&'p str>), Errno> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (before, name) = match name {
        // The directory is the path's own end.
        "" | "." | ".." => (path, None),
        name => (&path[..path.len() - name.len()], Some(name)),
    };
    if path.is_empty() {
        return Err(Errno::Noent);
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(Errno::Nametoolong);
    }
    let dir = if before.is_empty() {
        start
    } else {
        walk(tree, start, before, Last { follow: true, ..Last::default() })?.node()?
    };
    Ok((dir, name))
}

/// The path without slashes at its end, for those calls that ignore them.
pub(crate) fn without_slashes(path: &str) -> &str {
    let stripped = path.trim_end_matches('/');
    if stripped.is_empty() && !path.is_empty() { "/" } else { stripped }
}
