//! The service is killed while it writes records, its log is cut as a crash of the machine would cut it, and what is lost is
//! said.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::Engine;
use portcullis::audit::{Ending, Missing, Replayed, read_heads, replay, verify};
use readme_lines::Example;

#[test]
fn a_log_survives_its_service_and_says_what_a_crash_has_lost() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (log, heads) = (folder.join("audit.jsonl"), folder.join("audit.jsonl.heads"));
    let found = || verify(&log, &read_heads(&heads).unwrap()).unwrap();

    // Killed while four clients ask without a pause.
    let service = start(&folder, &log);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (address, answered) = (address(&service), Arc::clone(&answered));
            thread::spawn(move || {
                while ask(&address, "GET /projects/apollo", None).is_some() {
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let begin = Instant::now();
    while answered.load(Ordering::SeqCst) < 200 {
        assert!(begin.elapsed() < Duration::from_secs(60), "nobody is answered");
        thread::sleep(Duration::from_millis(5));
    }
    let surely_written = records(&log);
    drop(service);
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert!(matches!(found().ending, Ending::Open | Ending::Torn(_)), "{}", found());

    // It goes on, and ends in order.
    let service = start(&folder, &log);
    let token = token(&folder);
    for request in ["GET /projects/apollo", "GET /projects/soyuz", "GET /workspaces/space/projects", "GET /nowhere"] {
        assert!(ask(&address(&service), request, Some(&token)).is_some());
    }
    assert_eq!(service.stop(), Some(0));
    let whole = found();
    assert!(whole.is_intact() && whole.ending == Ending::Closed && whole.crashes == 1, "{whole}");
    assert!(whole.records >= surely_written + 4 && whole.heads > 0, "{surely_written}: {whole}");
    // With the roles that were in the database then.
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("\"known\":{"), "{text}");

    // The machine has lost what was not synced, and the middle of a line.
    let lines: Vec<&str> = text.lines().collect();
    let (kept, torn) = (lines.len() - 3, 20);
    let cut = format!("{}\n{}", lines[..kept].join("\n"), lines[kept].get(..torn).unwrap());
    fs::write(&log, cut).unwrap();
    assert!(found().fault.is_some(), "the heads know better: {}", found());
    let service = start(&folder, &log);
    assert!(ask(&address(&service), "GET /health", None).is_some());
    assert_eq!(service.stop(), Some(0));
    let after = found();
    let last = whole.last.unwrap().seq;
    assert_eq!((after.fault.as_ref(), after.missing.as_slice()), (None, &[missing(last - 2, last)][..]), "{after}");
    assert_eq!((after.torn, after.crashes), (torn as u64, 2), "{after}");
    assert!(!after.is_intact());

    // Decisions can be made again, by the bundle that the service had.
    let engine = Engine::new(portcullis::load_dir(policies()).unwrap().bundle);
    let ours = engine.bundle().hash().to_string();
    let record = text.lines().rfind(|line| line.contains("/workspaces/{}/projects")).unwrap();
    // The service trusted an issuer of its own, so its bundle is another one.
    let replayed = replay(&engine, record).unwrap();
    assert!(!record.contains(&ours) && matches!(replayed[0], Replayed::Impossible(_)), "{replayed:?}");
}

fn missing(from: u64, to: u64) -> Missing {
    serde_json::from_value(serde_json::json!({ "from": from, "to": to })).unwrap()
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/projects")
}

fn start(folder: &Path, log: &Path) -> Example {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-projects"));
    command.args(["--listen", "127.0.0.1:0", "--demo"]).arg(folder.join("demo")).arg("--audit").arg(log);
    Example::start(&mut command, "service ")
}

fn address(service: &Example) -> String {
    service.ready().strip_prefix("http://").unwrap().to_owned()
}

/// Ada's.
fn token(folder: &Path) -> String {
    let variables = fs::read_to_string(folder.join("demo")).unwrap();
    let line = variables.lines().find_map(|line| line.strip_prefix("ADA=")).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

/// The status; `None` if there is nobody to answer.
fn ask(address: &str, request: &str, token: Option<&str>) -> Option<String> {
    let mut connection = TcpStream::connect(address).ok()?;
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{token}\r\n");
    connection.write_all(head.as_bytes()).ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    text.split(' ').nth(1).map(str::to_owned)
}

fn records(log: &Path) -> u64 {
    fs::read_to_string(log).unwrap().lines().filter(|line| line.contains("\"type\":\"request\"")).count() as u64
}
