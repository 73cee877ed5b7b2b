//! Rows as the API shows them and as policies see them: serde serves both.
//!
//! Each has every attribute that the schema declares for it. What else it has, policies do not see.

use std::borrow::Cow;

use portcullis::{Parents, Resource};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Project {
    /// Never given to another project later.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What it is in.
    pub workspace: String,
    /// The tenant of the workspace.
    pub tenant: String,
    /// A member of the tenant.
    pub owner: String,
    /// Members of the tenant, in order.
    pub collaborators: Vec<String>,
    /// Whether it stays as it is.
    pub archived: bool,
    /// Grows with each change, so that a change of what was decided on is noticed.
    pub version: i64,
}

impl Resource for Project {
    const TYPE: &'static str = "Project";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn parents(&self) -> Parents {
        [("Workspace", self.workspace.as_str())].into()
    }
}

impl FromRow<'_, SqliteRow> for Project {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let collaborators = serde_json::from_str(row.try_get("collaborators")?);
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            workspace: row.try_get("workspace")?,
            tenant: row.try_get("tenant")?,
            owner: row.try_get("owner")?,
            collaborators: collaborators.map_err(|error| sqlx::Error::Decode(error.into()))?,
            archived: row.try_get("archived")?,
            version: row.try_get("version")?,
        })
    }
}

/// A workspace: projects of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Workspace {
    /// The id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
}

impl Resource for Workspace {
    const TYPE: &'static str = "Workspace";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

impl FromRow<'_, SqliteRow> for Workspace {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id")?, tenant: row.try_get("tenant")? })
    }
}

/// Who pays for a tenant, and for which plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// The id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What is paid for.
    pub plan: String,
}

impl Resource for Account {
    const TYPE: &'static str = "Account";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

impl FromRow<'_, SqliteRow> for Account {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id")?, tenant: row.try_get("tenant")?, plan: row.try_get("plan")? })
    }
}
