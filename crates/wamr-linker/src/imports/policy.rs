//! Who wins where several could supply an import, and what becomes of imports that nobody supplies.

/// How a list of imports is completed. The default: what the embedder gave wins, the sources fill
/// the rest in the order in which they were added, and what nobody has is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Whether what the embedder gave or the sources are asked first.
    pub order: Order,
    /// What it means that several have an item of that name.
    pub shadowing: Shadowing,
    /// What becomes of imports that nobody supplies.
    pub missing: Missing,
}

impl Policy {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who is asked first.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sets what it means that several have an item of that name.
    #[must_use]
    pub fn shadowing(mut self, shadowing: Shadowing) -> Self {
        self.shadowing = shadowing;
        self
    }

    /// Sets what becomes of imports that nobody supplies.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }
}

/// Who is asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What the embedder gave: by position, by name, as whole instances.
    #[default]
    GivenFirst,
    /// The sources; what the embedder gave fills the rest.
    SourcesFirst,
}

/// What it means that several have an item of that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shadowing {
    /// The first one asked wins; if its type does not fit, that is an error.
    #[default]
    First,
    /// The first one wins whose type fits. What was given by position or name is not passed over.
    FirstFitting,
    /// That is an error.
    Refused,
}

/// What becomes of imports that nobody supplies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// They are an error.
    #[default]
    Refuse,
    /// Functions get a stub that fails with [`MissingFunc`](crate::MissingFunc) when it is called;
    /// everything else is an error. A function whose type stands in a recursion group with others
    /// gets no stub.
    StubFuncs,
}
