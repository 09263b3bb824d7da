//! Tests of the API as C calls it.
