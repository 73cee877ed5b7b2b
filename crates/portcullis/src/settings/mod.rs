//! `portcullis.toml`: who issues tokens, and what the engine must be told about a bundle.

mod api_keys;
mod approval;
mod audit;
mod fixed;
mod http;
mod issuer;
mod limits;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use portcullis_core::{Bundle, BundleFiles, BundleSettings, Layer, LoadError, Problem};
use portcullis_token::Verifier;
use serde::Deserialize;

use approval::ApprovalTable;
pub(crate) use fixed::FixedSettings;
use http::HttpSettings;
use limits::LimitSettings;
use table::Table;

use crate::audit::AuditLog;
use crate::builder::GateBuilder;
use crate::gate::Gate;
use crate::limits::Limit;

/// What a bundle with its settings becomes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// Decides.
    pub bundle: Arc<Bundle>,
    /// Verifies the tokens of the issuers that the settings name.
    pub verifier: Verifier,
    http: HttpSettings,
    fixed: Option<FixedSettings>,
    limits: Vec<Limit>,
    approval: Option<ApprovalTable>,
    audit: Vec<AuditLog>,
}

impl Loaded {
    /// A gate with all that the settings say: also what they say about HTTP and about limits, which bundle and verifier alone
    /// do not hold.
    pub fn gate(self) -> GateBuilder {
        let gate = self.http.apply(Gate::builder(self.bundle, self.verifier));
        let gate = gate.fixed_settings(self.fixed).limits(self.limits);
        let gate = self.audit.into_iter().fold(gate, GateBuilder::audit);
        match self.approval {
            Some(approval) => approval.apply(gate),
            None => gate,
        }
    }
}

impl Gate {
    /// A gate for the bundle in the directory `dir`, with the issuers of its `portcullis.toml`.
    ///
    /// # Errors
    ///
    /// Every problem of the settings and of the bundle, each with its place and what to do.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<GateBuilder, LoadError> {
        Ok(load_dir(dir)?.gate())
    }
}

/// Loads the bundle in the directory `dir`, with its `portcullis.toml`. Relative key files are looked for in `dir`.
///
/// # Settings
///
/// ```toml
/// resource = ["https://api.example.com"]      # the URLs by which clients know this API (RFC 9728), the first of them for
///                                              # challenges; the audience where an issuer names none
/// initial_scopes = ["read:projects"]           # what a client without a token is told to ask for first; default: nothing
/// query_token = "ignore"                       # or "refuse": answer 400 to an access token in the query
///
/// [metadata]                                   # what people read about the API; the rest of its metadata is generated
/// resource_name = "Projects"
/// "resource_name#it" = "Progetti"
/// resource_documentation = "https://example.com/docs"
/// resource_policy_uri = "https://example.com/policy"
/// resource_tos_uri = "https://example.com/terms"
///
/// [proxy]                                      # what a proxy in front is trusted to say: nothing, unless it stands here
/// scheme_field = "x-forwarded-proto"           # then credentials that did not come over https are refused
/// trusted = ["10.1.0.0/16"]                    # its addresses; needed for
/// client_certificate = "client-cert"           # or "x-forwarded-client-cert" or "x-ssl-client-cert": the client's certificate
///
/// [dpop]                                       # accepts tokens under the scheme DPoP (RFC 9449)
/// replay = "one-replica"                       # or "each-replica", "shared": who remembers used proofs
/// nonces = "required"                          # or "optional"; default "off"
///
/// [layers]                                     # what must be there, so that a lost file is noticed
/// consent = "none"                             # this layer has no files
/// guardrails = ["tenancy.cedar"]               # every file that holds a `forbid` is named
/// entities = "none"                            # there is no `entities.json`
///
/// [directory]
/// supplies = ["Project"]                       # entity types whose attributes a directory supplies
///
/// [[issuer]]                                   # one table for each authorization server
/// issuer = "https://issuer.example.com"
/// preset = "rfc9068"
/// algorithms = ["ES256"]
/// keys = { url = "https://issuer.example.com/jwks" }
/// unlisted_clients = "agent"
/// person_clients = ["web"]
///
/// [api_keys]                                   # for clients that cannot do OAuth yet
/// file = "keys.json"
/// header = "api-key"
/// max_age = "90d"
/// scopes = ["read:projects"]
///
/// [[limit]]                                    # how often who may ask; one table for each limit
/// name = "agents"
/// class = "agent"
/// per = ["actor", "subject"]
/// rate = "60/m"
/// burst = 20
///
/// [approval]                                   # how people confirm what others want to do for them (`@confirm`)
/// clients = ["web"]
/// key = { env = "APPROVAL_KEY" }
/// replay = "one-replica"
/// [[audit]]                                    # a record of each request; one table for each log
/// sink = "file"
/// path = "/var/log/projects/audit.jsonl"
/// heads = { sink = "file", path = "/mnt/heads/projects.jsonl" }
/// ```
///
/// A table `[[issuer]]` holds the keys of [`portcullis_token::IssuerSettings`] and
/// [`portcullis_core::SourceSettings`]; `[dpop]` those of [`portcullis_token::DpopSettings`]; `[api_keys]` those of [`portcullis_token::ApiKeySettings`] with `scopes` and
/// `scope_names`; `[approval]` those of [`portcullis_token::ApprovalSettings`]. With API keys there are several sources of credentials: then every id names its source, as in
/// `main|ann`, and each source states what it may confer. Unknown keys are refused everywhere. No environment
/// variable is read but those in which the settings say that a secret is.
///
/// # Limits
///
/// A request is counted once, after the policies let it in and before its handler runs. Every limit that is for it must have
/// enough tokens; else no limit is charged, and the answer is 429 with `Retry-After`.
///
/// | Key of `[[limit]]` | Meaning |
/// |---|---|
/// | `name` | what answers and logs call it |
/// | `class` | the traffic that it is for, by who acts (the actor, or else the subject): `"human"`, `"service"` or `"agent"`. Without it, all traffic, also without a token |
/// | `per` | who has a bucket: any of `"actor"`, `"subject"`, `"client"`, `"tenant"`, `"issuer"`, `"action"`, `"peer"` (a network of 64 bits for IPv6). What is absent counts as a value. `[]` is one bucket for all |
/// | `rate` | how many tokens come back: `"60/m"`; units are `s`, `m`, `h`, `d` |
/// | `burst` | how many tokens there are at most |
/// | `costs` | the tokens that actions cost, `{ ExportReport = 10 }`; others cost one, and so does what the handler chooses among several (`@via`) |
/// | `counts` | `"requests"` (default); `"denials"`: what is denied before the handler, which costs nothing elsewhere; `"failed-authentication"`, with `per = ["peer"]`: credentials that are not accepted, after which the peer is refused whatever it sends |
/// | `on_store_failure` | if nothing can be counted: `"deny"` (503), or `"local"`: this replica counts alone. Default: `"local"` for humans and services, of whom each was let in by somebody, and for failed authentication, which concerns everybody; `"deny"` for agents, which repeat themselves without end, and without a class |
///
/// Failed authentication is not counted for proxies that `[proxy]` names, nor where the server does not state the peer
/// ([`Connection`](crate::Connection)): one sender could lock out all the others. Counts are kept by this process, unless
/// [`GateBuilder::limit_store`] names a store. A class of traffic that no limit counts is warned of when the gate starts.
///
/// # Audit
///
/// Each request leaves one record. `docs/audit.md` says what stands in it, and how to check a log.
///
/// | Key of `[[audit]]` | Meaning |
/// |---|---|
/// | `sink` | `"file"`, `"stdout"` or `"tracing"` (target `portcullis::audit`) |
/// | `path` | the file; relative paths begin in the directory of the bundle |
/// | `rotate_at`, `rotate_every` | when another file begins: `"100MB"` (`kB`, `MB`, `GB`), `"24h"`. Default: never |
/// | `heads` | where the heads of the chain go: `sink` and `path` as here, and how often: `every` so many lines (1000) and `after` a time (`"10s"`). Default: nowhere, and a tail that is cut off is not noticed |
/// | `classes` | the classes of traffic that are recorded, of `"human"`, `"service"`, `"agent"`, `"anonymous"`; default: all. A request with an actor always is |
/// | `mask` | members of records that are left out: `["caller.ip", "decisions.question.facts.amount"]` |
/// | `on_failure` | what becomes of requests whose record cannot be written, by class: `{ human = "deny" }`. `"deny"` (503) is the default for services and agents, `"allow"` for the others |
/// | `queue` | how many records may wait, those of running requests included; default 8192 |
/// | `sync_every` | when records outlive a crash of the machine at the latest; default `"1s"` |
///
/// # Errors
///
/// Every problem of the settings and of the bundle, together.
pub fn load_dir(dir: impl AsRef<Path>) -> Result<Loaded, LoadError> {
    load_from(&BundleFiles::from_dir(&dir)?, dir.as_ref(), Bundle::load)
}

/// Loads the bundle in `files`, with its `portcullis.toml`. Relative key files are looked for in the working directory.
///
/// ```no_run
/// use portcullis::load;
/// use portcullis_core::BundleFiles;
///
/// // The bundle of the repository, under the settings of a test.
/// let files = BundleFiles::from_dir("policies/projects")?.with_file("portcullis.toml", "…");
/// let loaded = load(&files)?;
/// # Ok::<(), portcullis_core::LoadError>(())
/// ```
///
/// # Errors
///
/// As [`load_dir`].
pub fn load(files: &BundleFiles) -> Result<Loaded, LoadError> {
    load_files(files, "")
}

/// Loads the bundle in `files`, with its `portcullis.toml`. Relative key files are looked for in the directory `dir`.
///
/// # Errors
///
/// As [`load_dir`].
pub fn load_files(files: &BundleFiles, dir: impl AsRef<Path>) -> Result<Loaded, LoadError> {
    load_from(files, dir.as_ref(), Bundle::load)
}

/// Loads `files`, which are those of `bundle` with a change, as [`load_files`] does. Policies that have not changed are not validated
/// again, so many changes can be tried.
///
/// # Errors
///
/// As [`load_dir`].
pub fn load_changed(bundle: &Bundle, files: &BundleFiles, dir: impl AsRef<Path>) -> Result<Loaded, LoadError> {
    load_from(files, dir.as_ref(), |files, given| bundle.load_next(files, given))
}

/// Loads the bundle in `files`, from the directory `directory`, that follows `bundle` in a gate with the settings `fixed`.
///
/// # Errors
///
/// As [`load_dir`], and if the settings want something else of the gate than they did.
pub(crate) fn load_next(
    files: &BundleFiles,
    directory: &Path,
    bundle: &Bundle,
    fixed: &FixedSettings,
) -> Result<Arc<Bundle>, LoadError> {
    let loaded = load_from(files, directory, |files, given| bundle.load_next(files, given))?;
    match loaded.fixed.map(|new| fixed.differences(&new)).unwrap_or_default() {
        different if different.is_empty() => Ok(loaded.bundle),
        different => Err(LoadError::new(different)),
    }
}

fn load_from(
    files: &BundleFiles,
    directory: &Path,
    load: impl FnOnce(&BundleFiles, BundleSettings) -> Result<Arc<Bundle>, LoadError>,
) -> Result<Loaded, LoadError> {
    let text = files.get(SETTINGS).ok_or_else(|| {
        LoadError::new(vec![
            Problem::new(SETTINGS, "is missing").with_help("it names the issuers whose tokens are accepted"),
        ])
    })?;
    let mut document = Table::parse(text).map_err(|problem| LoadError::new(vec![problem]))?;
    let mut problems = Vec::new();
    let audit = audit::read(document.take_tables("audit", &mut problems), directory, &mut problems);
    let (given, verifier, rest) = read(document, directory, &mut problems);
    let Rest { http, limits, approval } = rest;
    let bundle = load(files, given).map_err(|error| problems.extend(error.into_problems())).ok();
    let limits = bundle.as_ref().map(|bundle| limits.check(bundle, &mut problems)).unwrap_or_default();
    if let Some(bundle) = &bundle {
        approval::check(approval.as_ref(), bundle, &mut problems);
    }
    match (bundle, verifier) {
        (Some(bundle), Some(verifier)) if problems.is_empty() => {
            Ok(Loaded { bundle, verifier, http, fixed: FixedSettings::of(text), limits, approval, audit })
        }
        _ => Err(LoadError::new(problems)),
    }
}

/// Reads the whole file. If something is wrong, `problems` says so, and the result serves only to find problems of the
/// bundle in the same run.
fn read(
    mut file: Table<'_>,
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> (BundleSettings, Option<Verifier>, Rest) {
    file.refuse_unknown("the settings", &[TOP, http::KEYS].concat(), problems);
    let (http, resource) = HttpSettings::take(&mut file, directory, problems);
    let limits = LimitSettings::read(file.take_tables("limit", problems), problems);
    let approval = file.take_table("approval", problems);
    let approval = approval.and_then(|table| ApprovalTable::read(&table, directory, problems));
    let layers = file.take_table("layers", problems);
    let directory_section = file.take_table("directory", problems);
    let (mut sources, mut verifier) =
        issuer::read(file.take_tables("issuer", problems), &resource, directory, problems);
    if let Some(section) = file.take_table("api_keys", problems) {
        let (source, keys) = api_keys::read(&section, &resource, directory, problems);
        sources.extend(source);
        verifier = verifier.zip(keys).and_then(|(verifier, keys)| {
            let joined = verifier.with_api_keys(keys);
            joined.map_err(|error| problems.push(section.problem("alias", error.to_string()))).ok()
        });
    }
    let mut settings = BundleSettings::new(sources);
    if let Some(mut section) = directory_section {
        section.refuse_unknown("`[directory]`", DIRECTORY, problems);
        settings.supplied = section.take("supplies", problems).unwrap_or_default();
    }
    if let Some(section) = layers {
        settings = read_layers(section, settings, problems);
    }
    (settings, verifier, Rest { http, limits, approval })
}

/// What concerns neither bundle nor verifier.
struct Rest {
    http: HttpSettings,
    limits: LimitSettings,
    approval: Option<ApprovalTable>,
}

fn read_layers(mut section: Table<'_>, mut settings: BundleSettings, problems: &mut Vec<Problem>) -> BundleSettings {
    section.refuse_unknown("`[layers]`", LAYERS, problems);
    for layer in Layer::ALL {
        match section.take(layer.folder(), problems) {
            Some(LayerFiles::None(_)) => settings = settings.with_empty_layer(layer),
            Some(LayerFiles::Named(names)) => {
                settings.required_files.extend(names.iter().map(|name| format!("{}/{name}", layer.folder())));
            }
            None => {}
        }
    }
    if let Some(Nothing::None) = section.take(ENTITIES, problems) {
        settings = settings.without_entities();
    }
    settings
}

/// What `[layers]` says of one layer.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected `\"none\"` or a list of files")]
enum LayerFiles {
    None(Nothing),
    Named(BTreeSet<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Nothing {
    None,
}

const SETTINGS: &str = "portcullis.toml";
const ENTITIES: &str = "entities";
const TOP: &[&str] = &["layers", "directory", "issuer", "api_keys", "limit", "approval", "audit"];
const DIRECTORY: &[&str] = &["supplies"];
const LAYERS: &[&str] = &["consent", "roles", "ceilings", "guardrails", ENTITIES];
