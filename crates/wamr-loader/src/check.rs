//! Which features a module needs, which are allowed, and which the backend lacks.

use wamr_types::{Feature, Features, FuncIdx, LoadError};

use crate::error::Rejection;
use crate::features::{feature_with, wasm_features};
use crate::outline::Outline;
use crate::{names, validate};

/// The two sets of features that decide over a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeatureSets {
    /// What modules may use.
    pub(crate) allowed: Features,
    /// The part of it that the backend executes.
    pub(crate) supported: Features,
}

/// How much of a module is validated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// All but the bodies.
    Sections,
    /// Everything.
    Module,
    /// Everything but the bodies, and the body at this position.
    Body(usize),
}

/// Validates a module with what is allowed and supported.
///
/// A module that needs more is turned down; the error says whether a feature is missing or the
/// module is bad under any set.
pub(crate) fn check(
    bytes: &[u8],
    sets: FeatureSets,
    scope: Scope,
) -> Result<Outline<'_>, LoadError> {
    let rejection = match validate(bytes, sets.supported, scope) {
        Ok(outline) => return Ok(outline),
        Err(rejection) => rejection,
    };
    if sets.supported == sets.allowed {
        return Err(rejection.into_load_error());
    }
    if let Err(rejection) = validate(bytes, sets.allowed, scope) {
        return Err(rejection.into_load_error());
    }
    let missing = missing_feature(bytes, sets, scope, &rejection);
    Err(match missing {
        Some(feature) => rejection.into_unsupported(feature),
        None => rejection.into_load_error(),
    })
}

fn validate(bytes: &[u8], features: Features, scope: Scope) -> Result<Outline<'_>, Rejection> {
    let outline = Outline::read(bytes, wasm_features(features))?;
    let bodies = match scope {
        Scope::Sections => Ok(()),
        Scope::Module => validate::all(&outline.code, bytes),
        Scope::Body(position) => validate::one(&outline.code, bytes, position),
    };
    match bodies {
        Ok(()) => Ok(outline),
        Err((position, error)) => Err(body_rejection(&outline, position, error)),
    }
}

#[cold]
fn body_rejection(outline: &Outline<'_>, position: usize, error: wasmparser::Error) -> Rejection {
    let func = FuncIdx(outline.code.first_func + position as u32);
    let malformed = validate::is_malformed(&outline.code, outline.bytes, position, &error);
    Rejection { error, malformed, func: Some(names::of_func(&outline.sections, func)) }
}

/// Features of `allowed` that a module needs which is valid under `allowed`: a set that it is valid
/// under, and that the parser asks for one by one. Features that are part of another one may be
/// left out of it.
pub(crate) fn needed(bytes: &[u8], allowed: Features) -> Features {
    let mut needed = Features::NONE;
    while let Err(rejection) = validate(bytes, needed, Scope::Module) {
        let missing = needed.iter().fold(allowed, Features::without);
        let hint = rejection.error.missing_wasm_feature();
        let hinted = hint.and_then(|flags| feature_with(flags, missing));
        // Without a hint, it is what makes the parser come further.
        let helps = |&feature: &Feature| match validate(bytes, needed.with(feature), Scope::Module)
        {
            Ok(_) => true,
            Err(next) => next.error.offset() > rejection.error.offset(),
        };
        match hinted.or_else(|| missing.iter().find(helps)) {
            Some(feature) => needed = needed.with(feature),
            None => return allowed,
        }
    }
    needed
}

/// The feature for want of which a module was turned down that is valid under `sets.allowed`.
///
/// Where the parser says which one would have helped, that is it. Else features are added one
/// by one, and the one that makes the module valid is named.
#[cold]
fn missing_feature(
    bytes: &[u8],
    sets: FeatureSets,
    scope: Scope,
    rejection: &Rejection,
) -> Option<Feature> {
    let missing = sets.supported.iter().fold(sets.allowed, Features::without);
    let hint = rejection.error.missing_wasm_feature();
    if let Some(feature) = hint.and_then(|flags| feature_with(flags, missing)) {
        return Some(feature);
    }
    let mut features = sets.supported;
    missing.iter().find(|&feature| {
        features = features.with(feature);
        validate(bytes, features, scope).is_ok()
    })
}
