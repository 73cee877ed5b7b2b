//! Another bundle while the gate is at work.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode, Uri};
use portcullis::{
    Admission, Answer, Bundle, BundleFiles, BundleHash, Gate, Looked, ReloadError, RequestHead, Resource,
    RevocationList, RouteMatch, Target, UnixTime, load, load_dir,
};
use portcullis_testkit::TestIssuer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::log::Log;
use crate::service::{NOW, Noon};

const SCHEMA: &str = r#"
@scope action "read:notes";
entity Role;
entity User in [Role];
entity Note;
@http("GET /notes/{note}")
action "GetNote" in ["read:notes"] appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
@http("PUT /notes/{note}") @deferred("decided on the note")
action "PutNote" in ["read:notes"] appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
"#;

const ENTITIES: &str = r#"[
    { "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] },
    { "uid": {"type": "Role", "id": "writer"}, "attrs": {}, "parents": [] }
]"#;

const SETTINGS: &str = r#"
resource = ["https://api.example.com"]

[layers]
consent = "none"
ceilings = "none"
guardrails = "none"

[[issuer]]
alias = "main"
issuer = "https://as.example.com"
preset = "rfc9068"
algorithms = ["ES256"]
keys = { file = "jwks.json" }
"#;

const ROLES: &str = "roles/people.cedar";

/// The bundle in which the role `role` may do everything.
pub(crate) fn files(role: &str) -> BundleFiles {
    let policy = format!(r#"@id("may") permit (principal in Role::"{role}", action, resource);"#);
    BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("portcullis.toml", SETTINGS)
        .with_file("entities.json", ENTITIES)
        .with_file(ROLES, policy)
}

/// As `files`, with agents, each of which may do two things at once for a user, and then one each half minute.
pub(crate) fn with_agents(role: &str) -> BundleFiles {
    let schema = edited(files(role), "schema.cedarschema", "principal: [User]", "principal: [User, Agent]");
    let schema = edited(schema, "schema.cedarschema", "entity Note;", "entity Note; entity Agent;");
    let settings = edited(schema, "portcullis.toml", "ceilings = \"none\"", "ceilings = [\"agents.cedar\"]");
    let limit = "unlisted_clients = \"person\"\n[[limit]]\nname = \"agents\"\nclass = \"agent\"\nper = [\"actor\", \"subject\"]\n\
        rate = \"2/m\"\nburst = 2\n";
    let keys = "keys = { file = \"jwks.json\" }\n";
    edited(settings, "portcullis.toml", keys, &format!("{keys}{limit}"))
        .with_file("ceilings/agents.cedar", r#"@id("agents") permit (principal is Agent, action, resource);"#)
}

fn edited(files: BundleFiles, path: &str, from: &str, to: &str) -> BundleFiles {
    let text = files.get(path).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    let text = text.replace(from, to);
    files.with_file(path, text)
}

/// A directory with a bundle, and a gate that was made from it.
pub(crate) struct Service {
    pub(crate) dir: PathBuf,
    issuer: TestIssuer,
    pub(crate) gate: Gate,
}

impl Service {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |gate| gate)
    }

    fn with(name: &str, options: impl FnOnce(portcullis::GateBuilder) -> portcullis::GateBuilder) -> Self {
        Self::of(name, &files("reader"), options)
    }

    pub(crate) fn of(
        name: &str,
        files: &BundleFiles,
        options: impl FnOnce(portcullis::GateBuilder) -> portcullis::GateBuilder,
    ) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reload-{name}"));
        let _ = fs::remove_dir_all(&dir);
        let issuer = TestIssuer::new("https://as.example.com");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("jwks.json"), issuer.jwks().to_string()).unwrap();
        for (path, text) in &packed(files) {
            write(&dir, path, text);
        }
        let gate = options(load_dir(&dir).unwrap().gate().clock(Noon)).build().unwrap();
        assert_eq!(gate.bundle().hash(), files.hash());
        Self { dir, issuer, gate }
    }

    /// The bundle in `files`, for `Gate::reload`.
    fn bundle(&self, files: &BundleFiles) -> Arc<Bundle> {
        let settings = files.get("portcullis.toml").unwrap();
        let keys = self.dir.join("jwks.json");
        load(&files.clone().with_file("portcullis.toml", settings.replace("jwks.json", keys.to_str().unwrap())))
            .unwrap()
            .bundle
    }

    /// Puts `files` into the directory, whole.
    pub(crate) fn put(&self, files: &BundleFiles) {
        let _ = fs::remove_file(self.dir.join("MANIFEST"));
        for (path, text) in &packed(files) {
            write(&self.dir, path, text);
        }
    }

    fn token(&self, role: &str) -> String {
        self.token_with(&[role], &json!({}))
    }

    pub(crate) fn token_with(&self, roles: &[&str], more: &Value) -> String {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "scope": "read:notes",
            "roles": roles, "groups": [], "entitlements": [],
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.issuer.sign(&claims)
    }

    async fn open(&self, method: &Method, role: &str) -> Result<Admission, Answer> {
        send(&self.gate, method, &self.token(role)).await
    }

    pub(crate) async fn status(&self, role: &str) -> u16 {
        self.open(&Method::GET, role).await.map_or_else(|answer| answer.status().as_u16(), |_| 200)
    }
}

pub(crate) async fn send(gate: &Gate, method: &Method, token: &str) -> Result<Admission, Answer> {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
    let route = RouteMatch::new("/notes/{id}", ["n1"]);
    gate.open(&RequestHead::new(method, &Uri::from_static("/notes/n1"), &headers, Some(&route))).await
}

/// All files with their `MANIFEST`, which is the last.
fn packed(files: &BundleFiles) -> Vec<(String, String)> {
    let all = files.iter().map(|(path, text)| (path.to_owned(), text.to_owned()));
    all.chain([("MANIFEST".to_owned(), files.manifest())]).collect()
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[derive(Serialize)]
struct Note;

impl Resource for Note {
    const TYPE: &'static str = "Note";

    fn id(&self) -> Cow<'_, str> {
        "n1".into()
    }
}

/// Requests of a reader and a writer from many threads, each of which must be answered by one of two bundles: the one that
/// allows readers everything, and the one that allows it writers.
struct Traffic {
    /// The bundle of readers, and that of writers.
    bundles: [BundleHash; 2],
    running: AtomicBool,
    allowed: AtomicUsize,
    denied: AtomicUsize,
}

/// Takes back that something goes on, also when a test fails meanwhile.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Traffic {
    /// Sends while `change` runs, and says how many requests were allowed and denied.
    fn during(service: &Service, bundles: [BundleHash; 2], change: impl FnOnce(&Self)) -> [usize; 2] {
        let (running, allowed, denied) = (AtomicBool::new(true), AtomicUsize::new(0), AtomicUsize::new(0));
        let traffic = Self { bundles, running, allowed, denied };
        std::thread::scope(|scope| {
            let until = Until(&traffic.running);
            let senders: Vec<_> = (0..8).map(|_| scope.spawn(|| traffic.send(service))).collect();
            change(&traffic);
            drop(until);
            for sender in senders {
                sender.join().unwrap();
            }
        });
        [traffic.allowed.into_inner(), traffic.denied.into_inner()]
    }

    fn answered(&self) -> usize {
        self.allowed.load(Ordering::Relaxed) + self.denied.load(Ordering::Relaxed)
    }

    /// Waits for another request that was answered.
    fn wait(&self) {
        let (before, began) = (self.answered(), Instant::now());
        while self.answered() == before {
            assert!(began.elapsed() < Duration::from_secs(60), "no request is answered any more");
            std::thread::yield_now();
        }
    }

    fn send(&self, service: &Service) {
        let [readers, writers] = self.bundles;
        // The log is kept by thread, so each of the senders has a thread and a runtime of its own.
        let log = Log::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tokens = [(service.token("reader"), readers, writers), (service.token("writer"), writers, readers)];
        while self.running.load(Ordering::Relaxed) {
            for (token, allows, denies) in &tokens {
                let opened = runtime.block_on(send(&service.gate, &Method::PUT, token));
                let decided_by = |bundle: BundleHash| {
                    let [event] = log.take().try_into().unwrap();
                    assert_eq!(event["bundle"], bundle.to_string(), "{event:?}");
                };
                match opened {
                    Ok(admission) => {
                        std::thread::yield_now();
                        // Some other bundle may be the gate's by now. This request does not see it.
                        assert_eq!(admission.session().unwrap().bundle().hash(), *allows);
                        assert!(admission.check(&Note).is_ok());
                        assert!(admission.conclude(StatusCode::OK).is_none());
                        decided_by(*allows);
                        self.allowed.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(answer) => {
                        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{}", answer.body());
                        decided_by(*denies);
                        self.denied.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }
}

#[test]
fn under_a_thousand_reloads_each_request_is_answered_by_one_bundle() {
    let service = Service::new("thousand");
    let bundles = ["reader", "writer"].map(|role| service.bundle(&files(role)));
    service.gate.reload(Arc::clone(&bundles[0])).unwrap();
    let hashes = [bundles[0].hash(), bundles[1].hash()];
    let [allowed, denied] = Traffic::during(&service, hashes, |traffic| {
        for turn in 0..1_000 {
            traffic.wait();
            service.gate.reload(Arc::clone(&bundles[turn % 2])).unwrap();
        }
    });
    println!("1,000 reloads while {allowed} requests were allowed and {denied} denied");
    assert!(allowed >= 100 && denied >= 100, "{allowed} {denied}");
}

#[tokio::test]
async fn a_policy_that_is_taken_away_denies_the_next_request_and_not_the_one_that_has_begun() {
    let service = Service::new("taken-away");
    assert_eq!((service.status("reader").await, service.status("writer").await), (200, 403));
    let begun = service.open(&Method::PUT, "reader").await.unwrap();
    service.gate.reload(service.bundle(&files("writer"))).unwrap();
    assert_eq!((service.status("reader").await, service.status("writer").await), (403, 200));
    assert!(begun.check(&Note).is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lasts_is_not_ended_by_other_policies() {
    let service = Service::new("lease");
    let lease = service.open(&Method::GET, "reader").await.unwrap().lease();
    service.gate.reload(service.bundle(&files("writer"))).unwrap();
    assert_eq!(service.status("reader").await, 403);
    assert!(tokio::time::timeout(Duration::from_secs(30), lease.ended()).await.is_err());
}

#[tokio::test]
async fn what_was_revoked_stays_revoked() {
    let now = UnixTime::from_secs(NOW).unwrap();
    let revoked = Arc::new(RevocationList::new(std::num::NonZeroUsize::MIN));
    let service = Service::with("revoked", |gate| gate.revocations(Arc::clone(&revoked)));
    revoked.revoke(Target::Everything, now.plus(Duration::from_secs(60)), now).unwrap();
    service.gate.reload(service.bundle(&files("writer"))).unwrap();
    assert_eq!(service.status("writer").await, 401);
}

#[tokio::test(start_paused = true)]
async fn who_has_used_up_a_limit_has_used_it_up_for_the_next_bundle_too() {
    let service = Service::of("limits", &with_agents("reader"), |gate| gate);
    let reload = |files: &BundleFiles| service.gate.reload(service.bundle(files));
    let ask = async |agent: &str| {
        let act = json!({ "act": { "sub": agent, "sub_profile": "ai_agent" } });
        let opened = send(&service.gate, &Method::GET, &service.token_with(&["reader", "writer"], &act)).await;
        opened.map_or_else(|answer| answer.status().as_u16(), |_| 200)
    };
    assert_eq!([ask("scribe").await, ask("scribe").await, ask("scribe").await], [200, 200, 429]);
    assert_eq!(ask("other").await, 200);
    for next in [with_agents("reader"), with_agents("writer")] {
        reload(&next).unwrap();
        // Neither full again nor empty: it refills as if nothing had happened.
        assert_eq!(ask("scribe").await, 429);
    }
    assert_eq!([ask("other").await, ask("other").await], [200, 429]);
    tokio::time::advance(Duration::from_secs(31)).await;
    reload(&with_agents("reader")).unwrap();
    assert_eq!([ask("scribe").await, ask("scribe").await], [200, 429]);

    // Another limit needs another start: a bundle with one is refused, and what was counted is counted on.
    let mut reloader = service.gate.reloader(&service.dir);
    service.put(&edited(with_agents("writer"), "portcullis.toml", "burst = 2", "burst = 20"));
    let Looked::Refused(error) = reloader.look() else { panic!("taken") };
    assert!(error.to_string().contains("`limit` is not what the service started with"), "{error}");
    assert_eq!(ask("scribe").await, 429);
}

#[test]
fn metadata_follow_the_bundle() {
    let service = Service::new("metadata");
    let scopes = || {
        let target = Uri::from_static("/.well-known/oauth-protected-resource");
        let answer = service.gate.metadata(&RequestHead::new(&Method::GET, &target, &HeaderMap::new(), None)).unwrap();
        serde_json::from_str::<Value>(answer.body()).unwrap()["scopes_supported"].clone()
    };
    assert_eq!(scopes(), json!(["read:notes"]));
    let (from, to) = ("@scope action \"read:notes\";", "@scope action \"read:notes\"; @scope action \"all:notes\";");
    service.gate.reload(service.bundle(&edited(files("reader"), "schema.cedarschema", from, to))).unwrap();
    assert_eq!(scopes(), json!(["all:notes", "read:notes"]));
}

#[test]
fn a_bundle_that_handlers_do_not_fit_is_refused_and_says_why() {
    let service = Service::new("handlers");
    let before = service.gate.bundle().hash();
    let schema = "schema.cedarschema";
    for (from, to, expected) in [
        (
            "PUT /notes/{note}",
            "PUT /pages/{note}",
            &["  added   `PUT /pages/{note}` of `PutNote`", "  removed `PUT /notes/{note}` of `PutNote`"] as &[&str],
        ),
        ("@http(\"GET /notes/{note}\")", "", &["  removed `GET /notes/{note}` of `GetNote`"]),
        ("\"GetNote\"", "\"SeeNote\"", &["  added   `GET /notes/{note}` of `SeeNote`"]),
        // A handler that has nothing to ask would find itself without a decision.
        (
            "@http(\"GET /notes/{note}\")",
            "@http(\"GET /notes/{note}\") @deferred(\"now\")",
            &["  added   `GET /notes/{note}` of `GetNote`, decided in the handler"],
        ),
    ] {
        let error = service.gate.reload(service.bundle(&edited(files("writer"), schema, from, to))).unwrap_err();
        assert!(matches!(error, ReloadError::Handlers { .. }), "{error}");
        let text = error.to_string();
        assert!(expected.iter().all(|line| text.contains(line)), "{text}");
        assert_eq!(service.gate.bundle().hash(), before);
    }
}

#[test]
fn a_bundle_that_the_gate_does_not_fit_is_refused() {
    let service = Service::new("gate");
    let before = service.gate.bundle().hash();
    let other_alias = edited(files("writer"), "portcullis.toml", "\"main\"", "\"other\"");
    let error = service.gate.reload(service.bundle(&other_alias)).unwrap_err();
    assert!(matches!(&error, ReloadError::Sources { changes } if changes.added.contains("other")), "{error}");
    let supplied =
        edited(files("writer"), "portcullis.toml", "[[issuer]]", "[directory]\nsupplies = [\"Note\"]\n[[issuer]]");
    let error = service.gate.reload(service.bundle(&supplied)).unwrap_err();
    assert!(matches!(error, ReloadError::Gate(_)), "{error}");
    assert_eq!(service.gate.bundle().hash(), before);
}

#[tokio::test]
async fn a_directory_that_is_copied_file_by_file_is_never_loaded_half() {
    let service = Service::new("copied");
    let mut reloader = service.gate.reloader(&service.dir);
    assert_eq!(reloader.look(), Looked::Unchanged);
    for manifest_first in [true, false] {
        for target in [&files("writer"), &files("reader")] {
            let before = service.gate.bundle().hash();
            let mut steps = packed(target);
            if manifest_first {
                steps.rotate_right(1);
            }
            let last =
                steps.iter().rposition(|(path, text)| fs::read_to_string(service.dir.join(path)).unwrap() != *text);
            for (number, (path, text)) in steps.iter().enumerate() {
                assert_eq!(service.gate.bundle().hash(), before);
                write(&service.dir, path, text);
                // One that has watched all the time, and one that comes along now.
                let looked = [service.gate.reloader(&service.dir).look(), reloader.look()];
                if number < last.unwrap() {
                    assert!(looked.iter().all(|looked| !matches!(looked, Looked::Replaced(_))), "{looked:?}");
                    assert!(!matches!(looked[0], Looked::Refused(_)), "{looked:?}");
                } else {
                    assert_eq!(service.gate.bundle().hash(), target.hash());
                    break;
                }
            }
        }
    }
    // A copy that was broken off, and one that has too much.
    fs::remove_file(service.dir.join(ROLES)).unwrap();
    assert!(matches!(service.gate.reloader(&service.dir).look(), Looked::Incomplete(_)));
    service.put(&files("writer"));
    write(&service.dir, "roles/more.cedar", r#"@id("more") permit (principal, action, resource);"#);
    let Looked::Incomplete(error) = reloader.look() else { panic!("taken") };
    assert!(error.to_string().contains("roles/more.cedar: is not listed in the MANIFEST"), "{error}");
    fs::remove_file(service.dir.join("MANIFEST")).unwrap();
    let Looked::Incomplete(error) = reloader.look() else { panic!("taken") };
    assert!(error.to_string().contains("MANIFEST: is missing"), "{error}");
    assert_eq!(service.status("reader").await, 200);
}

/// As `files`, with more of them that belong together.
fn many_files(role: &str) -> BundleFiles {
    (0..6).fold(files(role), |files, number| {
        let policy = format!(r#"@id("also-{number}") permit (principal in Role::"{role}", action, resource);"#);
        files.with_file(format!("roles/also-{number}.cedar"), policy)
    })
}

#[test]
fn a_directory_that_is_copied_under_load_is_never_loaded_half() {
    let service = Service::new("copied-under-load");
    let bundles = [many_files("reader"), many_files("writer")];
    service.put(&bundles[0]);
    assert_eq!(service.gate.reloader(&service.dir).look(), Looked::Replaced(bundles[0].hash()));
    let (watching, incomplete) = (AtomicBool::new(true), AtomicUsize::new(0));
    // Looks all the time, and not once a second.
    let watch = || {
        let mut reloader = service.gate.reloader(&service.dir);
        while watching.load(Ordering::Relaxed) {
            match reloader.look() {
                Looked::Incomplete(_) => drop(incomplete.fetch_add(1, Ordering::Relaxed)),
                Looked::Replaced(hash) => {
                    assert!(bundles.iter().any(|files| files.hash() == hash), "a mixture is taken")
                }
                Looked::Unchanged => {}
                Looked::Refused(error) => panic!("a mixture is loaded: {error}"),
            }
        }
    };
    let hashes = [bundles[0].hash(), bundles[1].hash()];
    let turns = 12;
    let [allowed, denied] = Traffic::during(&service, hashes, |traffic| {
        std::thread::scope(|scope| {
            let _until = Until(&watching);
            let watcher = scope.spawn(watch);
            for turn in 1..=turns {
                let files = &bundles[turn % 2];
                let mut steps = packed(files);
                // Now this file is the first, now that one, and the `MANIFEST` is anywhere.
                let first = turn % steps.len();
                steps.rotate_left(first);
                for (path, text) in &steps {
                    write(&service.dir, path, text);
                    traffic.wait();
                }
                let began = Instant::now();
                while service.gate.bundle().hash() != files.hash() {
                    assert!(
                        !watcher.is_finished() && began.elapsed() < Duration::from_secs(60),
                        "turn {turn}: not taken"
                    );
                    traffic.wait();
                }
            }
        });
    });
    let incomplete = incomplete.into_inner();
    println!("{turns} copies: {incomplete} looks at half of one; {allowed} requests were allowed and {denied} denied");
    assert!(incomplete > 0 && allowed > 0 && denied > 0);
}

#[tokio::test]
async fn a_broken_bundle_is_refused_once_and_a_later_good_one_is_taken() {
    let (service, log) = (Service::new("broken"), Log::start());
    let mut reloader = service.gate.reloader(&service.dir);
    let broken = files("writer").with_file(
        ROLES,
        r#"@id("one") permit (principal in Role::"writer", action == Action::"GetNot", resource);
           @id("two") permit (principal, action, resource) when { resource.owner == 1 };"#,
    );
    service.put(&broken);
    let Looked::Refused(ReloadError::Load(error)) = reloader.look() else { panic!("taken") };
    assert_eq!(error.problems().len(), 2, "{error}");
    let [event] = log.take().try_into().unwrap();
    assert_eq!((event["level"].as_str(), event["bundle"].as_str()), ("ERROR", broken.hash().to_string().as_str()));
    assert!(event["reason"].contains("GetNot") && event["reason"].contains("owner"), "{event:?}");
    // Said once.
    assert_eq!((reloader.look(), log.take()), (Looked::Unchanged, vec![]));
    assert_eq!(service.status("reader").await, 200);
    service.put(&files("writer"));
    assert_eq!(reloader.look(), Looked::Replaced(files("writer").hash()));
    assert_eq!((service.status("reader").await, service.status("writer").await), (403, 200));
}

#[test]
fn of_the_settings_only_what_is_about_the_bundle_may_change() {
    let service = Service::new("settings");
    let mut reloader = service.gate.reloader(&service.dir);
    for (from, to, key) in [
        ("[\"https://api.example.com\"]", "[\"https://api.example.com\", \"https://other.example.com\"]", "`resource`"),
        ("[\"ES256\"]", "[\"ES256\", \"ES384\"]", "`issuer`"),
        ("[layers]", "query_token = \"refuse\"\n[layers]", "`query_token`"),
    ] {
        service.put(&edited(files("writer"), "portcullis.toml", from, to));
        let Looked::Refused(error) = reloader.look() else { panic!("{key} was taken") };
        assert!(error.to_string().contains(&format!("{key} is not what the service started with")), "{error}");
    }
    assert_eq!(service.gate.bundle().hash(), files("reader").hash());
    let guarded = edited(files("reader"), "portcullis.toml", "guardrails = \"none\"", "guardrails = [\"no.cedar\"]")
        .with_file("guardrails/no.cedar", r#"@id("no") forbid (principal in Role::"writer", action, resource);"#);
    service.put(&guarded);
    assert_eq!(reloader.look(), Looked::Replaced(guarded.hash()));
}

#[test]
fn a_gate_without_a_settings_file_takes_nothing_from_a_directory() {
    let service = Service::new("no-settings");
    let loaded = load_dir(&service.dir).unwrap();
    let gate = Gate::builder(loaded.bundle, loaded.verifier).build().unwrap();
    service.put(&files("writer"));
    assert!(matches!(gate.reloader(&service.dir).look(), Looked::Refused(_)));
    assert_eq!(gate.bundle().hash(), files("reader").hash());
}

#[tokio::test(start_paused = true)]
async fn what_is_watched_is_taken_within_seconds() {
    let service = Service::new("watched");
    let watch = tokio::spawn(service.gate.reloader(&service.dir).watch());
    service.put(&files("writer"));
    let taken = async {
        while service.gate.bundle().hash() != files("writer").hash() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken).await.unwrap();
    watch.abort();
}
