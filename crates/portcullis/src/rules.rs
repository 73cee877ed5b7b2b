//! What follows from a bundle, for one gate.

use std::fmt;
use std::sync::Arc;

use portcullis_core::{Action, Bundle, Engine};
use portcullis_token::Verifier;

use crate::builder::GateError;
use crate::connection::Proxies;
use crate::directory::Directory;
use crate::known::KnownCallers;
use crate::metadata::{self, Metadata, ProtectedResource};
use crate::routes::RouteTable;

/// What a gate decides by, as far as it depends on the bundle. Replaced as a whole, never changed.
pub(crate) struct Rules {
    pub(crate) engine: Engine,
    /// Who was accepted under this bundle.
    pub(crate) known: KnownCallers,
    pub(crate) routes: RouteTable,
    pub(crate) metadata: Metadata,
    /// As challenges write them, under the names of the issuers.
    pub(crate) initial_scopes: Option<String>,
}

/// What a bundle must fit: the parts of a gate that stay.
pub(crate) struct Around<'a> {
    pub(crate) verifier: &'a Verifier,
    pub(crate) directory: &'a dyn Directory,
    pub(crate) proxies: &'a Proxies,
    pub(crate) resource: &'a ProtectedResource,
    pub(crate) initial_scopes: &'a [String],
    /// `None` if nobody can approve anything.
    pub(crate) approval_scope: Option<&'a str>,
}

impl Rules {
    /// # Errors
    ///
    /// If requests would be refused, or decided on too little, that the bundle's author meant to be decided.
    pub(crate) fn new(bundle: Arc<Bundle>, around: &Around<'_>) -> Result<Self, GateError> {
        let Around { verifier, directory, proxies, resource, initial_scopes, approval_scope } = around;
        can_be_confirmed(&bundle, *approval_scope)?;
        let supplies = directory.supplies();
        let missing = bundle.supplied().find(|wanted| !supplies.iter().any(|supplied| supplied == wanted));
        if let Some(entity_type) = missing {
            return Err(GateError::NotSupplied { entity_type: entity_type.to_owned() });
        }
        if let Some(route) = taken(&bundle, resource) {
            return Err(GateError::MetadataRoute { route });
        }
        let initial_scopes = metadata::initial_scopes(&bundle, verifier, initial_scopes)
            .map_err(|scope| GateError::InitialScope { scope })?;
        Ok(Self {
            routes: RouteTable::new(&bundle),
            metadata: Metadata::new(resource, &bundle, verifier, proxies),
            initial_scopes,
            engine: Engine::new(bundle),
            known: KnownCallers::new(),
        })
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("bundle", &self.engine.bundle().hash()).finish_non_exhaustive()
    }
}

/// What a person may have to confirm is decided in the handler, with its arguments, and can be approved.
pub(crate) fn can_be_confirmed(bundle: &Bundle, approval_scope: Option<&str>) -> Result<(), GateError> {
    let confirmable = || bundle.actions().filter(|action| action.may_need_confirmation());
    let name = |action: &Action| action.name().to_owned();
    if let Some(action) = confirmable().find(|action| action.is_decided_before_some_handler()) {
        return Err(GateError::ConfirmedBeforeHandler { action: name(action) });
    }
    let Some(scope) = approval_scope else {
        return confirmable().next().map_or(Ok(()), |action| Err(GateError::NoApprovals { action: name(action) }));
    };
    let known = bundle.scopes().get(scope).is_some_and(|scope| !scope.is_conditional());
    if known { Ok(()) } else { Err(GateError::ApprovalScope { scope: scope.to_owned() }) }
}

/// The route of the schema that stands where the gate serves metadata.
fn taken(bundle: &Bundle, resource: &ProtectedResource) -> Option<String> {
    let routes = bundle.actions().flat_map(|action| action.routes().iter().chain(action.via()));
    let mut taken = routes.filter(|route| resource.paths().any(|path| path == route.path()));
    taken.next().map(ToString::to_string)
}
