//! What handlers and the directory read.

use portcullis::Permit;
use serde::Serialize;

use crate::error::StoreError;
use crate::resources::{Account, Project, Workspace};
use crate::store::{Store, fits, within};

/// Figures about a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How many projects there are.
    pub projects: i64,
    /// How many of them are archived.
    pub archived: i64,
}

/// What decisions are made on. No permit is asked for: there is none yet.
impl Store {
    /// A project, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`], [`StoreError::TooSlow`].
    pub async fn project(&self, id: &str) -> Result<Option<Project>, StoreError> {
        let query = sqlx::query_as("SELECT * FROM project_rows WHERE id = ?1").bind(id);
        within(async { Ok(query.fetch_optional(self.pool()).await?) }).await
    }

    /// A workspace, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Store::project`].
    pub async fn workspace(&self, id: &str) -> Result<Option<Workspace>, StoreError> {
        let query = sqlx::query_as("SELECT id, tenant FROM workspaces WHERE id = ?1").bind(id);
        within(async { Ok(query.fetch_optional(self.pool()).await?) }).await
    }

    /// An account, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Store::project`].
    pub async fn account(&self, id: &str) -> Result<Option<Account>, StoreError> {
        let query = sqlx::query_as("SELECT id, tenant, plan FROM accounts WHERE id = ?1").bind(id);
        within(async { Ok(query.fetch_optional(self.pool()).await?) }).await
    }

    /// The roles that `person` has in `tenant`.
    pub(crate) async fn roles(&self, tenant: &str, person: &str) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT role FROM member_roles WHERE tenant = ?1 AND person = ?2");
        let query = query.bind(tenant).bind(person);
        within(async { Ok(query.fetch_all(self.pool()).await?) }).await
    }
}

/// What is shown because it was permitted.
impl Store {
    /// The projects of the workspace of `permit`, which is for `ListProjects`: the first hundred by id. An API with more
    /// would have pages.
    ///
    /// # Errors
    ///
    /// As [`Store::project`], and [`StoreError::OtherPermit`].
    pub async fn projects(&self, permit: &Permit) -> Result<Vec<Project>, StoreError> {
        let (_, workspace) = permit.resource();
        fits(permit, "ListProjects", ("Workspace", workspace))?;
        let query =
            sqlx::query_as("SELECT * FROM project_rows WHERE workspace = ?1 ORDER BY id LIMIT 100").bind(workspace);
        within(async { Ok(query.fetch_all(self.pool()).await?) }).await
    }

    /// Figures about the workspace of `permit`, which is for `ExportReport`.
    ///
    /// # Errors
    ///
    /// As [`Store::projects`].
    pub async fn report(&self, permit: &Permit) -> Result<Report, StoreError> {
        let (_, workspace) = permit.resource();
        fits(permit, "ExportReport", ("Workspace", workspace))?;
        let query = sqlx::query_as("SELECT count(*), coalesce(sum(archived), 0) FROM projects WHERE workspace = ?1");
        let (projects, archived) = within(async { Ok(query.bind(workspace).fetch_one(self.pool()).await?) }).await?;
        Ok(Report { projects, archived })
    }
}
