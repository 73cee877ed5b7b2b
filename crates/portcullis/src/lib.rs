//! The runtime of Portcullis: a request in, an admission or an answer out.
//!
//! [`Gate`] joins the verifier of access tokens, the engine and what the application knows, and speaks HTTP in one
//! table that all framework adapters share. It knows no framework: it takes a borrowed [`RequestHead`] and returns an
//! [`Admission`], or the [`Answer`] to send.

mod admission;
mod answer;
mod arrival;
pub mod audit;
mod builder;
mod challenge;
mod clock;
mod confirm;
mod connection;
mod credentials;
mod decision_id;
mod denials;
mod directory;
mod duties;
mod gate;
mod grpc;
pub mod handler;
mod head;
mod known;
mod lease;
mod limits;
mod lists;
mod measure;
mod metadata;
mod observe;
mod pinned;
mod problem;
mod query_token;
mod readiness;
mod refusal;
mod rehearsal;
mod reload;
mod resource_identifier;
mod revocation;
mod routes;
mod rules;
mod settings;
mod transport;
mod visit;

pub use admission::Admission;
pub use answer::Answer;
pub use arrival::Arrival;
pub use builder::{GateBuilder, GateError};
pub use clock::{Clock, SystemClock};
pub use connection::{Connection, Proxies, ProxiesError};
pub use decision_id::DecisionId;
pub use directory::{BoxFuture, Directory, DirectoryError, StaticDirectory};
pub use gate::Gate;
pub use grpc::{GrpcCode, GrpcStatus};
pub use head::{RequestHead, RouteMatch};
pub use lease::{Ended, Lease, Leased};
pub use limits::{Charge, Charged, Level, LimitStore, LimitStoreError, MemoryLimitStore, Quota};
pub use lists::AllowedAction;
pub use metadata::{ProtectedResource, ProtectedResourceError};
pub use portcullis_core::{
    Action, Actor, Binding, Bundle, BundleFiles, BundleHash, BundleSettings, Caller, Denial, DenialKind, Discharge,
    Engine, Explanation, Facts, Grant, GrpcMethod, Kind, Layer, LoadError, Needs, Obligation, ObligationError, Parents,
    Permit, PrincipalFacts, Profile, Resource, ResourceData, Route, ScopeName, Session, Source, SourceSettings,
    Subject, UnixTime,
};
pub use portcullis_token::{
    AbsentAudience, Algorithm, ApprovalKey, Approvals, BindingRule, CertificateField, CertificateThumbprint,
    ClientCredentials, IntrospectedTokens, Introspection, Issuer, KeySet, KeySource, MemoryReplayStore, NonceKey,
    NoncePolicy, Nonces, Origin, Preset, ProofVerifier, RevocationList, Revocations, RevocationsUnavailable,
    SignedApproval, Target, Ticket, Verifier,
};
pub use query_token::QueryToken;
pub use readiness::Readiness;
pub use reload::{Changes, Looked, ReloadError, Reloader};
pub use resource_identifier::{ResourceIdentifier, ResourceIdentifierError};
pub use settings::{Loaded, load, load_changed, load_dir, load_files};
