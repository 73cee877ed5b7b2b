//! Two replicas of the service, and one Redis: an agent that repeats itself meets one limit, and nobody else does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::{BundleFiles, Clock, SystemClock};
use projects_data::Demo;
use readme_lines::Example;
use serde_json::json;

#[test]
fn an_agent_has_one_limit_at_all_replicas_and_the_person_it_acts_for_goes_on() {
    // OWA-04, RLM-12, RLM-14
    let mut redis = Redis::start();
    let demo = Demo::new("https://api.example.com", SystemClock.now());
    let bundle = bundle(&demo);
    let replicas = [replica(&bundle, &redis), replica(&bundle, &redis)];
    let scopes = "manage:projects read:profile";
    let act = json!({ "sub": "summariser", "sub_profile": "ai_agent" });
    let agent = demo.token(json!({ "sub": "ada", "scope": scopes, "act": act }));
    let ada = demo.token(json!({ "sub": "ada", "scope": scopes }));

    // 20 at once, and one each second: whichever replica is asked.
    let begin = Instant::now();
    let answers: Vec<Answer> = (0..60).map(|turn| ask(&replicas[turn % 2], "GET /projects/apollo", &agent)).collect();
    let refilled = usize::try_from(begin.elapsed().as_secs()).unwrap() + 1;
    let admitted = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((20..=20 + refilled).contains(&admitted), "{admitted} of 60 in {refilled} s");
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refused.iter().all(|answer| answer.status == 429 && answer.text.contains("retry-after: ")), "{refused:?}");
    // The ceiling stands before the limit, and the person behind the agent notices neither.
    assert_eq!(ask(&replicas[0], "PATCH /projects/gemini", &agent).status, 404); // the type is `@hide`
    for replica in &replicas {
        assert_eq!(ask(replica, "GET /projects/apollo", &ada).status, 200);
    }

    // Nobody can count for the agent any more, and people are counted by each replica alone.
    redis.kill();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(ask(&replicas[1], "GET /projects/apollo", &agent).status, 503);
    assert_eq!(ask(&replicas[1], "GET /projects/apollo", &ada).status, 200);
    redis.restart();
    let end = Instant::now() + Duration::from_secs(20);
    while ask(&replicas[1], "GET /projects/apollo", &agent).status != 200 {
        assert!(Instant::now() < end, "the replica does not find its Redis again");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// `policies/projects` in a folder of its own, with the issuer of `demo`.
fn bundle(demo: &Demo) -> PathBuf {
    let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/projects");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("replicas-bundle");
    let _ = std::fs::remove_dir_all(&folder);
    copy(&origin, &folder);
    let files = demo.trusted_by(BundleFiles::from_dir(&origin).unwrap()).unwrap();
    std::fs::write(folder.join("portcullis.toml"), files.get("portcullis.toml").unwrap()).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn replica(bundle: &Path, redis: &Redis) -> Example {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-projects"));
    command.args(["--listen", "127.0.0.1:0", "--redis", &redis.url(), "--bundle"]).arg(bundle);
    Example::start(&mut command, "service ")
}

/// What a replica answers.
#[derive(Debug)]
struct Answer {
    status: u16,
    text: String,
}

fn ask(replica: &Example, request: &str, token: &str) -> Answer {
    let address = replica.ready().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let fields = format!("host: {address}\r\nauthorization: Bearer {token}\r\nconnection: close");
    connection.write_all(format!("{request} HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap(), text: text.to_lowercase() }
}

/// A real server that can be killed and started again.
struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, process: run(port) }
    }

    fn restart(&mut self) {
        self.process = run(self.port);
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a server, and waits until it takes connections.
fn run(port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let process = command.current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let process = process.expect("`redis-server` is needed (on Debian and Ubuntu: apt-get install redis-server)");
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "redis-server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}
