//! What follows from a bundle, for one gate.

use std::fmt;
use std::sync::Arc;

use portcullis_core::{Action, Bundle, Engine};

use crate::builder::GateError;
use crate::confirm::Confirmations;
use crate::gate::Parts;
use crate::known::KnownCallers;
use crate::metadata::{self, Metadata, ProtectedResource};
use crate::routes::RouteTable;

/// What a gate decides by, as far as it depends on the bundle. Replaced as a whole, never changed.
pub(crate) struct Rules {
    /// What stays. A request holds this and the rest by one handle: threads wait for each other to count the holders of each.
    pub(crate) parts: Arc<Parts>,
    pub(crate) engine: Engine,
    /// Who was accepted under this bundle.
    pub(crate) known: KnownCallers,
    pub(crate) routes: RouteTable,
    pub(crate) metadata: Metadata,
    /// As challenges write them, under the names of the issuers.
    pub(crate) initial_scopes: Option<String>,
}

/// A bundle that fits a gate.
pub(crate) struct Fitting {
    bundle: Arc<Bundle>,
    initial_scopes: Option<String>,
}

impl Fitting {
    /// # Errors
    ///
    /// If requests would be refused, or decided on too little, that the bundle's author meant to be decided.
    pub(crate) fn new(bundle: Arc<Bundle>, parts: &Parts) -> Result<Self, GateError> {
        can_be_confirmed(&bundle, parts.confirmations.as_ref().map(Confirmations::scope))?;
        let supplies = parts.directory.supplies();
        let missing = bundle.supplied().find(|wanted| !supplies.iter().any(|supplied| supplied == wanted));
        if let Some(entity_type) = missing {
            return Err(GateError::NotSupplied { entity_type: entity_type.to_owned() });
        }
        if let Some(route) = taken(&bundle, &parts.resource) {
            return Err(GateError::MetadataRoute { route });
        }
        let initial_scopes = metadata::initial_scopes(&bundle, &parts.verifier, &parts.initial_scopes)
            .map_err(|scope| GateError::InitialScope { scope })?;
        Ok(Self { bundle, initial_scopes })
    }

    pub(crate) fn bundle(&self) -> &Bundle {
        &self.bundle
    }
}

impl Rules {
    pub(crate) fn new(fitting: Fitting, parts: Arc<Parts>) -> Self {
        let Fitting { bundle, initial_scopes } = fitting;
        Self {
            routes: RouteTable::new(&bundle),
            metadata: Metadata::new(&parts.resource, &bundle, &parts.verifier, &parts.proxies),
            initial_scopes,
            engine: Engine::new(bundle),
            known: KnownCallers::new(),
            parts,
        }
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
