//! Why a list of imports could not be completed: every import to blame, with what was found, where
//! was looked, and which names come close.

use core::fmt;

use wamr_types::ExternType;

use super::Origin;

/// How many imports get near misses, at most.
const IMPORTS_WITH_NEAR_MISSES: usize = 32;
/// How many names are looked at for all of them.
const NAMES_LOOKED_AT: usize = 200_000;
/// How many near misses an import gets.
const NEAR_MISSES: usize = 3;
/// Longer names are not compared.
const LONGEST_COMPARED: usize = 128;

/// Every import that could not be resolved, and where was looked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnresolvedImports {
    /// The imports, in the order of the import section.
    pub imports: Vec<UnresolvedImport>,
    /// The places searched, in order.
    pub searched: Vec<Origin>,
}

/// An import that could not be resolved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnresolvedImport {
    /// Its position in the import section.
    pub position: usize,
    /// Name of the module to import from.
    pub module: Box<str>,
    /// Name of the item.
    pub name: Box<str>,
    /// What the module wants.
    pub wanted: ExternType,
    /// What is wrong.
    pub problem: ImportProblem,
    /// Names that come close, with where they are; for the first imports of an error only.
    pub near: Vec<NearMiss>,
}

/// What is wrong with an import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ImportProblem {
    /// Nobody has an item of that name.
    Missing,
    /// What there is has another type.
    Mismatch(Vec<Found>),
    /// Several have an item of that name, and the policy refuses to choose.
    Ambiguous(Vec<Origin>),
}

/// An item of the right name but the wrong type.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it is.
    pub origin: Origin,
    /// What it is: its type, or a description.
    pub what: Box<str>,
    /// Its type, where it has one.
    pub ty: Option<ExternType>,
}

/// A name that comes close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// Name of the module.
    pub module: Box<str>,
    /// Name of the item.
    pub name: Box<str>,
    /// Where it is.
    pub origin: Origin,
}

impl UnresolvedImports {
    /// Looks for names that come close, for the first imports that nobody has.
    pub(crate) fn find_near_misses(&mut self, names: &[NearMiss]) {
        let missing =
            |import: &&mut UnresolvedImport| matches!(import.problem, ImportProblem::Missing);
        let looks = NAMES_LOOKED_AT / names.len().max(1);
        let count = looks.clamp(1, IMPORTS_WITH_NEAR_MISSES);
        for import in self.imports.iter_mut().filter(missing).take(count) {
            let mut scored: Vec<(usize, &NearMiss)> = names
                .iter()
                .filter_map(|near| Some((distance(&import.module, &import.name, near)?, near)))
                .collect();
            scored.sort_by(|(a, left), (b, right)| {
                (a, &left.module, &left.name).cmp(&(b, &right.module, &right.name))
            });
            import.near =
                scored.into_iter().take(NEAR_MISSES).map(|(_, near)| near.clone()).collect();
        }
    }
}

/// How far a name is from the wanted one; `None` if it is not close.
fn distance(module: &str, name: &str, near: &NearMiss) -> Option<usize> {
    let names = name_distance(name, &near.name)?;
    if *near.module == *module {
        return Some(names);
    }
    // The same item under another module's name, or both misspelt a little.
    match (names, name_distance(module, &near.module)) {
        (0, modules) => Some(modules.unwrap_or(4)),
        (names, Some(modules)) => Some(names + modules),
        _ => None,
    }
}

fn name_distance(wanted: &str, found: &str) -> Option<usize> {
    if wanted == found {
        return Some(0);
    }
    let (long, short) = (wanted.len().max(found.len()), wanted.len().min(found.len()));
    let allowed = (long / 3).min(2);
    if long > LONGEST_COMPARED || long - short > allowed {
        return None;
    }
    if wanted.trim_start_matches('_').eq_ignore_ascii_case(found.trim_start_matches('_')) {
        return Some(1);
    }
    let distance = strsim::osa_distance(wanted, found);
    (distance <= allowed).then_some(distance)
}

impl fmt::Display for UnresolvedImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, name) = (self.module.escape_debug(), self.name.escape_debug());
        write!(f, "`{module}` `{name}`: wanted {}, ", self.wanted)?;
        match &self.problem {
            ImportProblem::Missing => f.write_str("found nothing")?,
            ImportProblem::Mismatch(found) => {
                for (i, Found { origin, what, .. }) in found.iter().enumerate() {
                    write!(f, "{}found {what} ({origin})", if i == 0 { "" } else { ", " })?;
                }
            }
            ImportProblem::Ambiguous(origins) => {
                f.write_str("found in several places: ")?;
                join(f, origins)?;
            }
        }
        for (i, near) in self.near.iter().enumerate() {
            f.write_str(if i == 0 { "; there is " } else { ", " })?;
            let (module, name) = (near.module.escape_debug(), near.name.escape_debug());
            write!(f, "`{module}` `{name}` ({})", near.origin)?;
        }
        Ok(())
    }
}

impl fmt::Display for UnresolvedImports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&ImportProblem) -> bool| {
            self.imports.iter().filter(|import| wanted(&import.problem)).count()
        };
        let counts = [
            ("unknown import", count(|problem| matches!(problem, ImportProblem::Missing))),
            (
                "incompatible import type",
                count(|problem| matches!(problem, ImportProblem::Mismatch(_))),
            ),
            ("ambiguous import", count(|problem| matches!(problem, ImportProblem::Ambiguous(_)))),
        ];
        let mut separator = "";
        for (what, count) in counts.into_iter().filter(|(_, count)| *count != 0) {
            write!(f, "{separator}{what} ({count})")?;
            separator = ", ";
        }
        f.write_str(":")?;
        self.imports.iter().try_for_each(|import| write!(f, "\n  {import}"))?;
        if !self.searched.is_empty() {
            f.write_str("\n  searched: ")?;
            join(f, &self.searched)?;
        }
        Ok(())
    }
}

impl core::error::Error for UnresolvedImports {}

fn join(f: &mut fmt::Formatter<'_>, origins: &[Origin]) -> fmt::Result {
    for (i, origin) in origins.iter().enumerate() {
        write!(f, "{}{origin}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_close_by_case_underscores_and_small_slips() {
        assert_eq!(name_distance("malloc", "malloc"), Some(0));
        assert_eq!(name_distance("malloc", "_malloc"), Some(1));
        assert_eq!(name_distance("malloc", "Malloc"), Some(1));
        assert_eq!(name_distance("memory", "memroy"), Some(1));
        assert_eq!(name_distance("fd_write", "fd_read"), None);
        assert_eq!(name_distance("a", "b"), None);
        assert_eq!(name_distance(&"x".repeat(500), &"x".repeat(501)), None);
    }
}
