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
