//! Another server takes over the name, and the old one goes on as its replica.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use portcullis_redis::{RedisReplayStore, RedisRevocations};
use portcullis_token::{Recall, ReplayStore, Target};

use crate::replay::proof;
use crate::server::RedisServer;
use crate::{SECOND, connect_to, now};

/// What a name is: new connections lead to the server that it stands for now, old ones stay where they are.
struct Name {
    port: u16,
    target: Arc<AtomicU16>,
}

impl Name {
    fn of(server: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = Self { port: listener.local_addr().unwrap().port(), target: Arc::new(server.port().into()) };
        let target = Arc::clone(&name.target);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", target.load(Ordering::SeqCst))).unwrap();
                pass_on(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass_on(server, client);
            }
        });
        name
    }

    fn moves_to(&self, server: &RedisServer) {
        self.target.store(server.port(), Ordering::SeqCst);
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_no_proof_works_again_and_nothing_revoked_is_accepted() {
    // DPP-27, SEC-03
    let (first, second) = (RedisServer::start(), RedisServer::start());
    let replicate = |server: &RedisServer, of: &RedisServer| {
        server.ask::<()>(&["REPLICAOF", "127.0.0.1", &of.port().to_string()]);
    };
    replicate(&second, &first);
    let name = Name::of(&first);
    let redis = connect_to(&name.url()).await;
    let store = RedisReplayStore::new(&redis);
    let revocations = RedisRevocations::start(&redis, NonZeroUsize::new(10).unwrap()).await.unwrap();
    tokio::time::sleep(SECOND + SECOND / 10).await;
    let used = proof(1, "used", now());
    assert_eq!(store.remember(&used, now()).await.unwrap(), Recall::New);
    wait_until("the second server has what the first has", || second.ask::<i64>(&["DBSIZE"]) == 2).await;

    name.moves_to(&second);
    second.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    // This one comes too late to be copied.
    let late = proof(1, "late", now());
    assert_eq!(store.remember(&late, now()).await.unwrap(), Recall::New);
    revocations.revoke(Target::Everything, now().plus(600 * SECOND), now()).await.unwrap();
    replicate(&first, &second);

    // The old connection is refused, and a new one leads to the second server.
    let again = async |proof| {
        let end = Instant::now() + 10 * SECOND;
        loop {
            match store.remember(proof, now()).await {
                Ok(recall) => return recall,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(again(&used).await, Recall::BeforeMemory);
    assert_eq!(again(&late).await, Recall::BeforeMemory);
    wait_until("what was revoked is written again", || second.ask::<i64>(&["HLEN", "portcullis:revocations"]) == 1)
        .await;
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + 20 * SECOND;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
