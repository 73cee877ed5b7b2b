//! What the gate asks the store: the roles of the caller, and resources that are decided before the handler.

use portcullis::{BoxFuture, Caller, Directory, DirectoryError, Kind, PrincipalFacts, Resource, ResourceData};
use serde_json::Value;

use crate::error::StoreError;
use crate::store::Store;

impl Directory for Store {
    /// The roles of a person, in the tenant of the token. Services and agents are no members: what they are is in the
    /// bundle's `entities.json`.
    fn principal<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        Box::pin(async move {
            let subject = caller.subject();
            if subject.kind != Kind::User {
                return Ok(PrincipalFacts::new());
            }
            // The claim that the schema names for `tenant`.
            let roles = match caller.claims().get("org_id").and_then(Value::as_str) {
                Some(tenant) => self.roles(tenant, &subject.id).await.map_err(DirectoryError::new)?,
                None => Vec::new(),
            };
            let facts = PrincipalFacts::new().with_complete("Role");
            Ok(roles.into_iter().fold(facts, |facts, role| facts.with_membership("Role", role)))
        })
    }

    fn supplies(&self) -> Vec<String> {
        ["Account", "Project", "Workspace"].map(str::to_owned).into()
    }

    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        Box::pin(async move {
            match entity_type {
                "Project" => data(self.project(id).await),
                "Workspace" => data(self.workspace(id).await),
                "Account" => data(self.account(id).await),
                _ => Ok(None),
            }
        })
    }
}

fn data(found: Result<Option<impl Resource>, StoreError>) -> Result<Option<ResourceData>, DirectoryError> {
    let found = found.map_err(DirectoryError::new)?;
    found.map(|found| ResourceData::of(&found)).transpose().map_err(DirectoryError::new)
}
