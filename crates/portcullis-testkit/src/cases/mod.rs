//! Policy cases: from the claims of a token to the decision, as TOML.
//!
//! Cases stand in `cases/*.toml` of a bundle. All files of the folder share their fixtures.
//!
//! ```toml
//! [every_token]                     # claims that every token has unless it states others
//! iss = "https://issuer.example.com"
//! exp = 1767272400
//!
//! [claims.viewer]                   # the claims of a token
//! sub = "vic"
//! client_id = "web"
//! roles = ["viewer"]
//!
//! [resources.apollo]
//! type = "Project"
//! id = "apollo"
//! parents = [["Workspace", "w1"]]   # all ancestors
//! attributes = { owner = "ann" }    # without this key: an id alone, which was not loaded
//! absent = ["archived"]             # attributes that it does not have
//!
//! [[case]]
//! name = "a viewer with another scope is asked for the right one"
//! claims = "viewer"                 # or a table; without this key: no token, for public actions
//! with = { scope = "openid" }       # added to the claims, or in their place
//! without = ["roles"]               # taken away
//! action = "GetProject"
//! resource = "apollo"               # or a table
//! deny = ["consent"]                # exactly the layers that deny; or `allow = true`, or `error = "claims"`
//! remedy = { scopes = ["read:projects"] }
//!
//! [unfailing]                       # policies that no case can fail, with the reason
//! anybody-asks = "it applies to every caller"
//!
//! [surviving]                       # changes that `Mutants` tries and no case can notice, with the reason
//! "anybody-asks: any principal" = "it applies to every caller"
//! ```
//!
//! A case says everything about the answer. Without `remedy`, none may be offered; without `obligations`, none may come
//! with the allow; `kind` is compared where it is stated. More keys of a case:
//!
//! | Key | Meaning |
//! |---|---|
//! | `now` | seconds since 1970; default 1767268800, noon of 2026-01-01 (UTC) |
//! | `facts` | what the application adds to the context |
//! | `approval` | `{ by = "ann" }`: who approved the request, at `now` |
//! | `bindings` | proofs of possession that came with the token: `["dpop"]` |
//! | `source` | alias of the source; default `main` |
//! | `ip` | address of the peer |
//! | `kind` | `error`, `not_applicable`, `ceiling`, `role`, `guardrail`, `liftable_guardrail`, `consent` |
//! | `remedy` | `"none"`, or a table of `scopes`, `acr`, `max_age` (`"5m"`), `bindings`, `confirm` |
//! | `obligations` | `["redact:notes"]` |
//! | `challenge` | the field `WWW-Authenticate` of the answer without its realm: `'Bearer error="insufficient_scope", scope="read:projects"'`, or `"none"` |
//! | `error` | the token has no session: `claims` (the token is at fault), `memberships` (a list is unknown), `principal` (the application is) |
//!
//! # Tables
//!
//! Many cases of one resource are a table: callers in the first line, and an action with its answers in each other. It takes the keys of a case that say how the callers ask.
//!
//! ```toml
//! [[table]]
//! name = "projects"
//! with = { scope = "manage:projects" }
//! resource = "apollo"
//! cells = """
//!                viewer     editor   owner
//! GetProject     allow      allow    allow
//! ShareProject   roles      roles    allow
//! DeleteProject  roles+guardrails  roles+guardrails  guardrails?
//! """
//! ```
//!
//! A cell is `allow`, `allow*` (with obligations), or exactly the layers that deny, with `?` if some remedy is offered, and no remedy without. What
//! stands behind `#` is a comment.
//!
//! Dates in TOML's own form become text, as attributes of the type `datetime` are written.

mod coverage;
mod fixtures;
mod format;
mod mutate;
mod report;
mod run;
mod spec;
mod table;

use std::path::Path;

use portcullis::{ProofVerifier, Verifier};
use portcullis_core::{Engine, LoadError, Problem, ResourceData, UnixTime};
use serde_json::{Map, Value};

use coverage::Coverage;
use format::Suite;
pub use mutate::{Mutants, Mutation, MutationReport, Part};
pub use report::{Failure, Gap, Report};
pub use run::Case;

/// Loads the bundle in the directory `dir` with its settings, and runs the cases in its folder `cases`.
///
/// ```no_run
/// portcullis_testkit::cases::run_dir("policies/projects")?.assert_complete();
/// # Ok::<(), portcullis_testkit::cases::CasesError>(())
/// ```
///
/// # Errors
///
/// If the bundle does not load or the cases cannot be read. Cases that fail are in the report.
pub fn run_dir(dir: impl AsRef<Path>) -> Result<Report, CasesError> {
    let dir = dir.as_ref();
    let loaded = portcullis::load_dir(dir)?;
    let cases = Cases::from_dir(dir.join(FOLDER))?.with_verifier(&loaded.verifier);
    Ok(cases.run(&Engine::new(loaded.bundle)))
}

/// Cases that have been read.
#[derive(Debug)]
pub struct Cases {
    suite: Suite,
    service: Option<Service>,
}

/// What challenges depend on besides the bundle.
#[derive(Debug)]
struct Service {
    dpop_algs: Option<String>,
}

impl Cases {
    /// Reads the files `*.toml` in the directory `dir`, in the order of their names.
    ///
    /// # Errors
    ///
    /// Every file that cannot be read and every mistake in one. A folder without cases proves nothing and is an error, too.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self, CasesError> {
        let dir = dir.as_ref();
        let unreadable = |error: std::io::Error| {
            let problem = Problem::new(dir.display().to_string(), format!("cannot be read: {error}"));
            CasesError::Cases { problems: vec![problem] }
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(&path).map_err(unreadable)?));
            }
        }
        files.sort();
        Self::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Reads `files`, each a name for messages and a text.
    ///
    /// # Errors
    ///
    /// As [`Cases::from_dir`].
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CasesError> {
        let read = Suite::parse(files).map(|suite| Self { suite, service: None });
        read.map_err(|problems| CasesError::Cases { problems })
    }

    /// Challenges are those of a service with `verifier`. Without one, cases that state a challenge fail.
    #[must_use]
    pub fn with_verifier(self, verifier: &Verifier) -> Self {
        let dpop_algs = verifier.proofs().map(ProofVerifier::algs);
        Self { service: Some(Service { dpop_algs }), ..self }
    }

    /// The cases.
    pub fn iter(&self) -> impl Iterator<Item = &Case> {
        self.suite.cases.iter()
    }

    /// The claims of the fixture `[claims.name]`, with those of every token.
    #[must_use]
    pub fn persona(&self, name: &str) -> Option<&Map<String, Value>> {
        self.suite.personas.get(name)
    }

    /// The fixtures of claims, by name.
    pub fn personas(&self) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
        self.suite.personas.iter().map(|(name, claims)| (name.as_str(), claims))
    }

    /// The fixture `[resources.name]`.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&ResourceData> {
        self.suite.resources.get(name)
    }

    /// The fixtures of resources, by name.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &ResourceData)> {
        self.suite.resources.iter().map(|(name, resource)| (name.as_str(), resource))
    }

    /// The time of cases that state none.
    #[must_use]
    pub fn now() -> UnixTime {
        UnixTime::from_secs(spec::NOW).unwrap_or(UnixTime::EPOCH)
    }

    /// Puts every case to `engine`.
    #[must_use]
    pub fn run(&self, engine: &Engine) -> Report {
        let mut failures = Vec::new();
        let mut coverage = Coverage::default();
        for case in &self.suite.cases {
            let outcome = run::run(case, engine, self.service.as_ref());
            coverage.add(engine, &outcome);
            failures.extend(outcome.failure(case));
        }
        Report { cases: self.suite.cases.len(), failures, gaps: coverage.gaps(engine.bundle(), &self.suite.unfailing) }
    }
}

/// Why cases could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CasesError {
    /// The bundle or its settings do not load.
    #[error(transparent)]
    Bundle(#[from] LoadError),
    /// The cases cannot be read.
    #[error("the cases cannot be read{}", problems.iter().map(|problem| format!("\n{problem}")).collect::<String>())]
    Cases {
        /// What is wrong, with files and lines.
        problems: Vec<Problem>,
    },
    /// Cases fail before anything is changed, so changes prove nothing.
    #[error("{} of {} cases fail as it is", .0.failures.len(), .0.cases)]
    Failing(Box<Report>),
}

const FOLDER: &str = "cases";
