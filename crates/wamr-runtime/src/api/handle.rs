//! What all handles have in common.

/// Defines a handle to an entity: its conversions from and to roots.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident => $variant:ident($entity:ty)) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(std::sync::Arc<crate::store::Root>);

        impl $name {
            /// Whether the handle belongs to that store.
            pub fn belongs_to(&self, store: impl crate::store::AsContext) -> bool {
                store.as_context().core().resolve(&self.0).is_ok()
            }

            /// What was attached to the entity.
            ///
            /// # Errors
            /// If the handle belongs to another store.
            pub fn attachment(
                &self,
                store: impl crate::store::AsContext,
            ) -> Result<Option<crate::store::Attachment>, crate::error::Error> {
                let store = store.as_context();
                let target = store.core().resolve(&self.0)?;
                Ok(store.core().attachment(target).cloned())
            }

            /// Attaches a value to the entity and gives back what was attached before. It is
            /// found through any handle, keeps nothing alive but itself, and is dropped when the
            /// entity is reclaimed, or with the store.
            ///
            /// # Errors
            /// If the handle belongs to another store.
            pub fn attach(
                &self,
                mut store: impl crate::store::AsContextMut,
                value: crate::store::Attachment,
            ) -> Result<Option<crate::store::Attachment>, crate::error::Error> {
                let mut store = store.as_context_mut();
                let core = store.core();
                let target = core.resolve(&self.0)?;
                Ok(core.attach(target, value))
            }

            /// Whether both are handles to the same entity.
            pub fn same(a: &Self, b: &Self) -> bool {
                a.0.same(&b.0)
            }

            #[allow(dead_code, reason = "not every kind of handle is made in every way")]
            pub(crate) fn from_ptr(
                core: &mut crate::store::StoreCore,
                entity: core::ptr::NonNull<$entity>,
            ) -> Self {
                Self(core.root(crate::store::ExternPtr::$variant(entity)))
            }

            #[inline]
            pub(crate) fn resolve(
                &self,
                core: &crate::store::StoreCore,
            ) -> Result<core::ptr::NonNull<$entity>, crate::error::Error> {
                match core.resolve(&self.0)? {
                    crate::store::ExternPtr::$variant(entity) => Ok(entity),
                    _ => Err(crate::error::Error::wrong_store()),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

pub(crate) use handle;
