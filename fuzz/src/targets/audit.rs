//! A log is intact only as it was written, and a record is replayed as the same only with the answer that was given.
// GEN-10

use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Uri};
use portcullis::audit::{AuditLog, AuditSink, Head, ReadRecord, Replayed, read_heads, verify_files};
use portcullis::{Engine, Gate, RequestHead, RouteMatch};

use crate::{Fixed, RUNTIME, SIGNED, TRUSTED_KEY, bundle, own_file, trusting};

pub(super) fn run(octets: &[u8]) {
    let Written { log, heads, engine } = &*WRITTEN;
    let changed = change(log, octets);
    std::fs::write(&*FILE, &changed).unwrap();
    let found = verify_files(&[&*FILE], heads).unwrap();
    assert_eq!(found.is_intact(), changed == *log, "{found}");
    // What stands there may be anything.
    std::fs::write(&*FILE, octets).unwrap();
    assert!(!verify_files(&[&*FILE], heads).unwrap().is_intact());
    let _ = read_heads(&*FILE);

    let originals: Vec<ReadRecord> = records(log);
    for record in records(&changed).into_iter().chain(records(octets)) {
        let replayed = record.replay(engine);
        assert!(record.bundle() == engine.bundle().hash().to_string() || !replayed.contains(&Replayed::Same));
        for (decided, replayed) in record.decisions().zip(&replayed) {
            let Some((question, answer)) = decided else { continue };
            // Who asked the same was answered the same.
            let asked_the_same = originals.iter().filter(|original| original.caller() == record.caller());
            let mut answers = asked_the_same.flat_map(ReadRecord::decisions).flatten();
            let given = answers.find(|(asked, _)| *asked == question).map(|(_, given)| given);
            let is_same = *replayed == Replayed::Same;
            assert!(given.is_none_or(|given| !is_same || given == answer), "another answer passes for the one given");
        }
    }
}

fn records(log: &[u8]) -> Vec<ReadRecord> {
    String::from_utf8_lossy(log).lines().filter_map(|line| ReadRecord::read(line).ok()).collect()
}

/// Changes the log as the first octet says: some octets, or whole lines.
fn change(log: &[u8], octets: &[u8]) -> Vec<u8> {
    let [how, edits @ ..] = octets else { return log.to_vec() };
    let mut lines: Vec<&[u8]> = log.split_inclusive(|octet| *octet == b'\n').collect();
    let count = lines.len();
    let line = |octet: u8| usize::from(octet) % count;
    match (how % 6, edits) {
        (1, [at, ..]) => drop(lines.remove(line(*at))),
        (2, [from, to, ..]) => lines.insert(line(*to), lines[line(*from)]),
        (3, [one, other, ..]) => lines.swap(line(*one), line(*other)),
        (4, [at, text @ ..]) => lines.insert(line(*at), text),
        (5, [high, low, ..]) => return log[..usize::from(u16::from_be_bytes([*high, *low])) % (log.len() + 1)].to_vec(),
        _ => {
            let mut log = log.to_vec();
            for edit in edits.chunks_exact(3) {
                let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % log.len();
                log[place] ^= edit[2];
            }
            return log;
        }
    }
    lines.concat()
}

struct Written {
    log: Vec<u8>,
    heads: Vec<Head>,
    engine: Engine,
}

/// What a gate writes of a few requests.
static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let ((lines, log), (heads, heads_of_log)) = (channel(), channel());
    let audit = AuditLog::new(Channel(lines)).heads(Channel(heads), NonZeroU64::MIN, Duration::from_secs(1));
    let gate = Gate::builder(bundle(), trusting(TRUSTED_KEY)).clock(Fixed).audit(audit).build().unwrap();
    let token = HeaderValue::try_from(format!("Bearer {SIGNED}")).unwrap();
    let target = Uri::from_static("/notes/n");
    for (field, note) in [(Some(&token), "a"), (None, "a"), (Some(&HeaderValue::from_static("Bearer x")), "a"), (Some(&token), "b")] {
        let headers: HeaderMap = field.map(|field| (http::header::AUTHORIZATION, field.clone())).into_iter().collect();
        let route = RouteMatch::new("/notes/{id}", [note]);
        let _ = RUNTIME.block_on(gate.open(&RequestHead::new(&Method::GET, &target, &headers, Some(&route))));
    }
    drop(gate);
    let log = text(&log);
    let heads_of_log = text(&heads_of_log);
    let heads = heads_of_log.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    let heads = heads.map(|line| serde_json::from_slice(line).unwrap()).collect();
    Written { log, heads, engine: Engine::new(bundle()) }
});

/// All that is sent until the gate is gone.
fn text(channel: &Receiver<Vec<u8>>) -> Vec<u8> {
    channel.iter().flatten().collect()
}

struct Channel(Sender<Vec<u8>>);

impl AuditSink for Channel {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.send(lines.to_vec()).map_err(io::Error::other)
    }
}

static FILE: LazyLock<PathBuf> = LazyLock::new(|| own_file("audit.jsonl"));
