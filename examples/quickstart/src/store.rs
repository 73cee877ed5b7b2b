//! The application's data: two projects, a workspace, an account. In memory, because the story is about requests.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_axum::{Parents, Permit, Resource};
use serde::Serialize;

/// A project as the API shows it and as policies see it: serde serves both.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) workspace: String,
    pub(crate) tenant: String,
    pub(crate) owner: String,
    pub(crate) collaborators: Vec<String>,
    pub(crate) archived: bool,
}

impl Project {
    /// A new project without a title.
    pub(crate) fn new(workspace: &str, owner: &str) -> Self {
        Self {
            id: format!("{workspace}-new"),
            title: String::new(),
            workspace: workspace.to_owned(),
            tenant: "acme".to_owned(),
            owner: owner.to_owned(),
            collaborators: Vec::new(),
            archived: false,
        }
    }
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

/// A workspace.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) tenant: String,
}

impl Resource for Workspace {
    const TYPE: &'static str = "Workspace";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// Who pays.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) tenant: String,
}

impl Resource for Account {
    const TYPE: &'static str = "Account";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    projects: Arc<Mutex<BTreeMap<String, Project>>>,
}

impl Store {
    pub(crate) fn with_sample_data() -> Self {
        let project = |id: &str, title: &str, tenant: &str, archived| Project {
            id: id.to_owned(),
            title: title.to_owned(),
            workspace: "space".to_owned(),
            tenant: tenant.to_owned(),
            owner: "olga".to_owned(),
            collaborators: vec!["carl".to_owned()],
            archived,
        };
        let projects = [
            project("apollo", "Apollo", "acme", false),
            project("gemini", "Gemini", "acme", true),
            project("soyuz", "Soyuz", "umbrella", false),
        ];
        let projects = projects.into_iter().map(|project| (project.id.clone(), project)).collect();
        Self { projects: Arc::new(Mutex::new(projects)) }
    }

    pub(crate) fn project(&self, id: &str) -> Option<Project> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn projects(&self, workspace: &str) -> Vec<Project> {
        self.lock().values().filter(|project| project.workspace == workspace).cloned().collect()
    }

    /// As [`Store::project`], as a database driver would have it.
    pub(crate) async fn load(&self, id: &str) -> Result<Option<Project>, Infallible> {
        Ok(self.project(id))
    }

    /// Writes need a permit: a handler that forgot to ask does not compile.
    pub(crate) fn save(&self, _: &Permit, project: Project) {
        self.lock().insert(project.id.clone(), project);
    }

    pub(crate) fn remove(&self, _: &Permit, project: &Project) {
        self.lock().remove(&project.id);
    }

    pub(crate) fn workspace(&self, id: &str) -> Option<Workspace> {
        (id == "space").then(|| Workspace { id: id.to_owned(), tenant: "acme".to_owned() })
    }

    pub(crate) fn account(&self, id: &str) -> Option<Account> {
        (id == "acme").then(|| Account { id: id.to_owned(), tenant: "acme".to_owned() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Project>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
