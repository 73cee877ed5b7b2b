//! Agents in traffic: with tokens as agents get them, at two replicas of one service.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use portcullis::{Clock, Kind, SystemClock, Target};
use portcullis_redis::{RedisRevocations, RedisSettings};
use serde_json::json;

use crate::authorization_server::{API, AuthorizationServer};
use crate::replicas::{Redis, Replicas};
use crate::secrecy::assert_no_token_in;
use crate::service::{Answer, Service, Settings};
use crate::tokens::assert_invalid;
use crate::{Folder, eventually};

#[tokio::test]
async fn an_agent_to_which_its_user_logs_in_has_a_ceiling_and_a_limit_of_its_own() {
    // AGT-01, EXC-04, EXC-11, OWA-04, RLM-14: authorization code with PKCE; the list of clients says that it is an agent
    let traffic = Traffic::start();
    let token = traffic.server.log_in_to("summariser", "ada", SCOPES).await;
    // The token calls it a writer. `entities.json` names it, and wins.
    traffic.observe(&Agent { token, id: "summariser", client: "summariser", writes: false }).await;
}

#[tokio::test]
async fn an_agent_that_asks_its_user_on_the_telephone_has_a_ceiling_and_a_limit_of_its_own() {
    // AGT-01, EXC-04, EXC-11, OWA-04, RLM-14: CIBA in poll mode
    let traffic = Traffic::start();
    let token = traffic.server.ask("drafter", "ada", SCOPES).await;
    assert_eq!(traffic.server.requests("/backchannel").await, 1);
    assert_eq!(traffic.server.requests("/token").await, 2, "the first time it was too early");
    traffic.observe(&Agent { token, id: "drafter", client: "drafter", writes: true }).await;
}

#[tokio::test]
async fn an_agent_that_a_token_exchange_names_has_a_ceiling_and_a_limit_of_its_own() {
    // AGT-01, AGT-02, EXC-01, EXC-04, EXC-11, GEN-04, GEN-07, OWA-04, RLM-14: RFC 8693; the actor is not the client
    let traffic = Traffic::start();
    let token = traffic.on_behalf_of_ada("archivist").await;
    traffic.observe(&Agent { token, id: "archivist", client: "agent-platform", writes: false }).await;
}

#[tokio::test]
async fn an_agent_whose_class_a_claim_states_has_a_ceiling_and_a_limit_of_its_own() {
    // AGT-01, EXC-04, EXC-11, OWA-04, RLM-14: `agent_type`; no file of the service names this client
    let traffic = Traffic::start();
    let token = traffic.server.log_in_to("courier", "ada", SCOPES).await;
    traffic.observe(&Agent { token, id: "courier", client: "courier", writes: true }).await;

    // Nor this one, whose tokens have no such claim: it may nothing.
    let nobody_knows = traffic.server.log_in_to("assistant", "ada", SCOPES).await;
    assert_eq!(traffic.replicas.services[0].get(APOLLO, &nobody_knows).await.status, 404);
    // Each agent of a person has a limit of its own.
    let other = traffic.server.log_in_to("summariser", "ada", SCOPES).await;
    assert_eq!(traffic.replicas.services[0].get(APOLLO, &other).await.status, 200);
}

#[tokio::test]
async fn an_agent_that_is_switched_off_is_refused_everywhere_within_a_second_and_nobody_else_is() {
    // SEC-03
    let traffic = Traffic::start();
    let (server, services) = (&traffic.server, &traffic.replicas.services);
    let courier = server.log_in_to("courier", "ada", SCOPES).await;
    let others = [traffic.on_behalf_of_ada("archivist").await, server.log_in("ada", SCOPES, API).await];
    for service in services {
        assert_eq!(service.get(APOLLO, &courier).await.status, 200);
    }

    traffic.switch_off("courier").await;
    let since = Instant::now();
    let [first, second] = services.each_ref().map(|service| {
        let status = || async { service.get(APOLLO, &courier).await.status };
        eventually(Duration::from_secs(1), &401, status)
    });
    tokio::join!(first, second);
    println!("refused at both replicas after {:?}", since.elapsed());
    for service in services {
        assert_invalid(&service.get(APOLLO, &courier).await);
        for token in &others {
            assert_eq!(service.get(APOLLO, token).await.status, 200);
        }
    }
    // A new token is no way around it.
    let again = server.log_in_to("courier", "ada", SCOPES).await;
    assert_invalid(&services[0].get(APOLLO, &again).await);
}

/// An authorization server, and two replicas that trust it.
struct Traffic {
    server: AuthorizationServer,
    replicas: Replicas,
}

/// An agent with a token of `ada`, and what is to be seen of it.
struct Agent {
    token: String,
    /// As policies and the log name it.
    id: &'static str,
    client: &'static str,
    /// Whether its class changes projects; all classes read them.
    writes: bool,
}

impl Traffic {
    fn start() -> Self {
        let folder = Folder::of_this_test();
        let server = AuthorizationServer::start(&folder);
        // So slow that nothing comes back before the test is over, and each answer is known.
        let settings = Settings::with_limits(&server).with_rate("agents", "1/m");
        let replicas = Replicas::start(&folder, &settings.with("claims = { agent_type = 'agent_type' }"));
        Self { server, replicas }
    }

    /// A token with which `agent` acts for `ada`, who is logged in to another app.
    async fn on_behalf_of_ada(&self, agent: &str) -> String {
        let ada = self.server.log_in("ada", SCOPES, API).await;
        let actor = self.server.client_credentials_of(agent, "read:projects", API).await;
        self.server.exchange(&ada, &actor, SCOPES).await
    }

    /// As an operator does, who has access to the Redis of the replicas.
    async fn switch_off(&self, agent: &str) {
        let settings = RedisSettings::new(&self.replicas.redis.url).unwrap().with_prefix(Redis::PREFIX);
        let redis = settings.connect().await.unwrap();
        let revocations = RedisRevocations::start(&redis, NonZeroUsize::new(10_000).unwrap()).await.unwrap();
        let now = SystemClock.now();
        let target = Target::Actor { kind: Kind::Agent, id: agent.into() };
        revocations.revoke(target, now.plus(Duration::from_secs(600)), now).await.unwrap();
    }

    /// The agent does what its class may, however much its user may, and no more often than its limit says, whichever replica
    /// it asks. Its user notices nothing, and the log tells the two apart.
    async fn observe(&self, agent: &Agent) {
        let ada = self.server.log_in("ada", SCOPES, API).await;
        let used = self.assert_ceiling(agent, &ada).await;
        self.assert_limit(agent, &ada, used).await;
        for service in &self.replicas.services {
            assert_log(&service.log(), agent, &ada);
        }
    }

    /// Says how many requests of the agent were let through.
    async fn assert_ceiling(&self, agent: &Agent, ada: &str) -> usize {
        let mut used = 0;
        for service in &self.replicas.services {
            let whoami = service.get("/whoami", &agent.token).await;
            assert_eq!(whoami.body, json!({ "kind": "user", "id": "ada", "actor": agent.id }));
            assert_eq!(service.get(APOLLO, &agent.token).await.status, 200);
            let changed = service.patch(APOLLO, &agent.token, &title()).await;
            // A project that may not be changed looks like none.
            assert_eq!(changed.status, if agent.writes { 200 } else { 404 }, "{changed:?}");
            used += if agent.writes { 3 } else { 2 };

            // No scope would help, so none is named.
            assert_eq!(changed.challenge, "");
            assert_beyond_its_ceiling(service, agent).await;
            assert_eq!(service.patch(APOLLO, ada, &title()).await.status, 200, "ada may");
            assert_eq!(service.post(PROJECTS, ada, &title()).await.status, 201, "ada may");
        }
        used
    }

    async fn assert_limit(&self, agent: &Agent, ada: &str, used: usize) {
        let services = &self.replicas.services;
        let mut answers = Vec::new();
        for turn in 0..BURST + 4 {
            answers.push(services[turn % 2].get(APOLLO, &agent.token).await);
        }
        let (admitted, refused) = answers.split_at(BURST - used);
        assert!(admitted.iter().all(|answer| answer.status == 200), "{admitted:?}");
        refused.iter().for_each(assert_at_the_limit);

        for service in services {
            assert_eq!(service.get(APOLLO, ada).await.status, 200);
            assert_at_the_limit(&service.get(APOLLO, &agent.token).await);
            assert_eq!(service.patch(APOLLO, ada, &title()).await.status, 200);
            // The ceiling stands before the limit: waiting would not help.
            assert_beyond_its_ceiling(service, agent).await;
        }
    }
}

async fn assert_beyond_its_ceiling(service: &Service, agent: &Agent) {
    let answer = service.post(PROJECTS, &agent.token, &title()).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (403, ""), "{answer:?}");
}

fn assert_at_the_limit(answer: &Answer) {
    assert_eq!(answer.status, 429, "{answer:?}");
    let seconds: u64 = answer.retry_after.as_deref().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{answer:?}");
    assert_eq!(answer.rate_limit.as_deref(), Some(format!("\"agents\";r=0;t={seconds}").as_str()));
}

/// Who acted for whom, through which client, and which limit it was that refused. `ada` alone is told from that.
fn assert_log(log: &str, agent: &Agent, ada: &str) {
    let (actor, client) = (format!("actor=\"{}\"", agent.id), format!("client=\"{}\"", agent.client));
    let acted = ["subject=\"ada\"", "actor_kind=\"agent\"", &actor, &client];
    for outcome in [
        ["decision=\"allow\"", "limit=\"agents\"", "status=200"],
        ["decision=\"deny\"", "limit=\"agents\"", "status=429"],
        ["decision=\"deny\"", "denial=\"ceiling\"", "status=403"],
    ] {
        let has_all = |line: &str| acted.iter().chain(&outcome).all(|field| line.contains(field));
        assert!(log.lines().any(has_all), "no event has {acted:?} and {outcome:?}:\n{log}");
    }
    let by_herself: Vec<&str> = log.lines().filter(|line| line.contains("client=\"mobile\"")).collect();
    assert!(!by_herself.is_empty(), "{log}");
    for line in by_herself {
        let fields = ["subject=\"ada\"", "decision=\"allow\"", "limit=\"people\"", "status=20"];
        assert!(fields.iter().all(|field| line.contains(field)) && !line.contains(" actor="), "{line}");
    }
    assert_no_token_in(log, [agent.token.as_str(), ada]);
}

fn title() -> serde_json::Value {
    json!({ "title": "Apollo 11" })
}

const APOLLO: &str = "/projects/apollo";
const PROJECTS: &str = "/workspaces/space/projects";

/// Enough for everything that is tried here: not one refusal is for want of consent.
const SCOPES: &str = "manage:projects read:profile";

/// How many requests of one agent for one person `policies/projects` lets through at once.
const BURST: usize = 20;
