//! The data of the example services: workspaces, projects, accounts and who belongs to them, in SQLite.
//!
//! [`Store`] is what a service works with, and the gate's [`Directory`](portcullis::Directory): it supplies the roles of
//! the caller and the resources that are decided before the handler.

mod changes;
mod demo;
mod directory;
mod error;
mod options;
mod reads;
mod resources;
mod store;

pub use changes::{Change, Changed, Plan, Title, TitleError};
pub use demo::Demo;
pub use error::StoreError;
pub use options::Options;
pub use reads::Report;
pub use resources::{Account, Project, Workspace};
pub use store::Store;
