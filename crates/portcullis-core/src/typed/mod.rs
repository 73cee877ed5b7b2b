//! Values from outside, typed by the schema.
//!
//! ```text
//! schema (JSON form) ─► Types ──────────┐
//! resource, facts (serde) ─► Node ──────┴─► Cedar expressions, or an error that names the attribute
//! claims (JSON)           ─► Node ──────┘
//! ```
//!
//! A `forbid` whose attribute is missing is false, without an error. So nothing here guesses: what the schema declares
//! is there with its type, or its absence was stated, or there is no value at all.

mod canonical;
mod capture;
mod compound;
mod convert;
mod error;
mod facts;
mod literal;
mod loaded;
mod node;
mod parents;
mod recorded;
mod resource;
mod resource_name;
mod schema_json;
mod types;

pub(crate) use convert::Origin;
pub(crate) use loaded::Loaded;
pub(crate) use resource_name::ResourceName;
pub(crate) use types::{AttrType, EntityRef, RecordType, Types};
#[cfg(test)]
pub(crate) use {
    error::ValueError,
    node::Node,
    types::{Attr, EntityShape, TypesError},
};

pub use error::ValueProblem;
pub use facts::{Facts, FactsError};
pub use parents::Parents;
pub use resource::{Resource, ResourceData, ResourceError};

#[cfg(test)]
mod tests;
