//! The `name` section. Nothing in it can make a module invalid: what cannot be read is left
//! out. <https://webassembly.github.io/spec/core/appendix/custom.html#name-section>

use wamr_types::{FuncIdx, Names};
use wasmparser::{KnownCustom, Name, NameMap, NameSectionReader, Payload};

/// Everything that the first `name` section of a module says.
pub(crate) fn all(sections: &[Payload<'_>]) -> Names {
    let mut names = Names::default();
    for name in subsections(sections) {
        match name {
            Name::Module { name, .. } => names.module = Some(name.into()),
            Name::Function(map) if names.funcs.is_empty() => names.funcs = functions(map),
            _ => {}
        }
    }
    names
}

/// What an error calls a function: its name where it has one, else its index.
pub(crate) fn of_func(sections: &[Payload<'_>], func: FuncIdx) -> Box<str> {
    let named = subsections(sections).find_map(|name| match name {
        Name::Function(map) => map.names.map_while(Result::ok).find(|entry| entry.index == func.0),
        _ => None,
    });
    named.map_or_else(|| format!("#{func}").into(), |entry| entry.name.into())
}

fn subsections<'a>(sections: &[Payload<'a>]) -> impl Iterator<Item = Name<'a>> + use<'a> {
    let section = sections.iter().find_map(name_section);
    // The raw list: the reader's own iterator stops at subsections out of order.
    section.into_iter().flat_map(|section| section.sections.map_while(Result::ok))
}

fn name_section<'a>(section: &Payload<'a>) -> Option<NameSectionReader<'a>> {
    let Payload::CustomSection(section) = section else {
        return None;
    };
    match section.as_known() {
        KnownCustom::Name(names) => Some(names),
        _ => None,
    }
}

fn functions(map: NameMap<'_>) -> Box<[(FuncIdx, Box<str>)]> {
    // The raw entries again, for the same reason.
    let entries = map.names.map_while(Result::ok);
    let mut funcs: Vec<_> =
        entries.map(|entry| (FuncIdx(entry.index), Box::<str>::from(entry.name))).collect();
    funcs.sort_by_key(|(func, _)| *func);
    funcs.dedup_by_key(|(func, _)| *func);
    funcs.into()
}
