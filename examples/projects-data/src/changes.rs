//! What is written. Every function asks for the permit, so a handler that forgot to ask for a decision does not compile.

use portcullis::{Kind, Permit};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use crate::error::StoreError;
use crate::resources::Project;
use crate::store::{Store, fits, within};

/// What a client may change about a project. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Change {
    /// The new title.
    pub title: Option<Title>,
    /// To whom it is handed over.
    pub owner: Option<String>,
}

/// The fact `changed` of `UpdateProject`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Changed {
    /// The names of the fields.
    pub changed: Vec<&'static str>,
}

impl Change {
    /// What policies are told of it. It stands here, beside the fields, so that none of them is forgotten.
    #[must_use]
    pub fn facts(&self) -> Changed {
        let Self { title, owner } = self;
        let fields = [("title", title.is_some()), ("owner", owner.is_some())];
        Changed { changed: fields.into_iter().filter(|(_, changes)| *changes).map(|(field, _)| field).collect() }
    }
}

/// The title of a project: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Title(String);

/// A title is empty, or longer than 200 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a title has 1 to {MAX_TITLE} characters")]
#[non_exhaustive]
pub struct TitleError;

impl TryFrom<String> for Title {
    type Error = TitleError;

    fn try_from(text: String) -> Result<Self, TitleError> {
        if (1..=MAX_TITLE).contains(&text.chars().count()) { Ok(Self(text)) } else { Err(TitleError) }
    }
}

impl Store {
    /// Creates a project in the workspace of `permit`, which is for `CreateProject`. It belongs to the subject.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherPermit`], also if no person is behind it; [`StoreError::NotAMember`], if the person is none.
    pub async fn create(&self, permit: &Permit, title: &Title) -> Result<Project, StoreError> {
        let (_, workspace) = permit.resource();
        fits(permit, "CreateProject", ("Workspace", workspace))?;
        let owner = permit.subject().filter(|subject| subject.kind == Kind::User).ok_or(StoreError::OtherPermit)?;
        let id = Uuid::now_v7().to_string();
        let query = sqlx::query(
            "INSERT INTO projects (id, title, workspace, tenant, owner, archived)
             SELECT ?1, ?2, id, tenant, ?3, 0 FROM workspaces WHERE id = ?4",
        );
        let query = query.bind(&id).bind(&title.0).bind(&owner.id).bind(workspace);
        within(async { Ok(query.execute(self.pool()).await?) }).await?;
        self.again(&id).await
    }

    /// Changes `project`, if it still is what `permit`, which is for `UpdateProject`, was given for.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherPermit`], [`StoreError::Changed`]; [`StoreError::NotAMember`] for an owner who is none.
    pub async fn update(&self, permit: &Permit, project: &Project, change: &Change) -> Result<Project, StoreError> {
        fits(permit, "UpdateProject", ("Project", &project.id))?;
        let title = change.title.as_ref().map(|title| title.0.as_str());
        let query = "UPDATE projects SET title = coalesce(?1, title), owner = coalesce(?2, owner) WHERE id = ?3";
        let query = sqlx::query(query).bind(title).bind(&change.owner).bind(&project.id);
        within(async {
            let mut transaction = self.take(project).await?;
            query.execute(&mut *transaction).await?;
            Ok(transaction.commit().await?)
        })
        .await?;
        self.again(&project.id).await
    }

    /// Lets `person` work on `project`, if it still is what `permit`, which is for `ShareProject`, was given for.
    ///
    /// # Errors
    ///
    /// As [`Store::update`].
    pub async fn share(&self, permit: &Permit, project: &Project, person: &str) -> Result<Project, StoreError> {
        fits(permit, "ShareProject", ("Project", &project.id))?;
        let query = "INSERT INTO collaborators (project, tenant, person) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let query = sqlx::query(query).bind(&project.id).bind(&project.tenant).bind(person);
        within(async {
            let mut transaction = self.take(project).await?;
            query.execute(&mut *transaction).await?;
            Ok(transaction.commit().await?)
        })
        .await?;
        self.again(&project.id).await
    }

    /// Deletes `project`, if it still is what `permit`, which is for `DeleteProject`, was given for.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherPermit`], [`StoreError::Changed`].
    pub async fn delete(&self, permit: &Permit, project: &Project) -> Result<(), StoreError> {
        fits(permit, "DeleteProject", ("Project", &project.id))?;
        let query = sqlx::query("DELETE FROM projects WHERE id = ?1").bind(&project.id);
        within(async {
            let mut transaction = self.take(project).await?;
            query.execute(&mut *transaction).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Sets the plan of the account of `permit`, which is for `UpdateBilling`.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherPermit`].
    pub async fn set_plan(&self, permit: &Permit, plan: Plan) -> Result<(), StoreError> {
        let (_, account) = permit.resource();
        fits(permit, "UpdateBilling", ("Account", account))?;
        let query = sqlx::query("UPDATE accounts SET plan = ?1 WHERE id = ?2").bind(plan.as_str()).bind(account);
        within(async { Ok(query.execute(self.pool()).await?) }).await?;
        Ok(())
    }

    /// Begins to change `project`. Until the transaction ends, nobody else does.
    async fn take(&self, project: &Project) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let query = sqlx::query("UPDATE projects SET version = version + 1 WHERE id = ?1 AND version = ?2");
        let taken = query.bind(&project.id).bind(project.version).execute(&mut *transaction).await?;
        if taken.rows_affected() == 1 { Ok(transaction) } else { Err(StoreError::Changed) }
    }

    /// What a project has become.
    async fn again(&self, id: &str) -> Result<Project, StoreError> {
        self.project(id).await?.ok_or(StoreError::Changed)
    }
}

/// What an account can pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Plan {
    /// A few projects.
    Free,
    /// As many as a team needs.
    Team,
}

impl Plan {
    fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Team => "team",
        }
    }
}

const MAX_TITLE: usize = 200;
