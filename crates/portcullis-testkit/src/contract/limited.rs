//! The service with limits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use portcullis::{BoxFuture, BundleFiles, Charge, Charged, GateBuilder, Level, LimitStore, LimitStoreError, Verifier};

use super::app::ready;

/// A gate for the bundle in `files` that has limits.
pub(super) fn gate(files: BundleFiles, verifier: Verifier) -> GateBuilder {
    let mut loaded = ready(portcullis::load(&files.with_file("portcullis.toml", SETTINGS)));
    loaded.verifier = verifier;
    loaded.gate().limit_store(std::sync::Arc::new(Dry::default()))
}

/// Buckets that are never refilled, so that answers do not depend on how long the contract takes.
#[derive(Debug, Default)]
struct Dry {
    used: Mutex<HashMap<[u8; 32], u32>>,
}

impl LimitStore for Dry {
    fn charge<'a>(&'a self, charges: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |charge: &Charge, used: &HashMap<_, _>| used.get(&charge.bucket).copied().unwrap_or(0);
        let fits = |charge: &Charge| of(charge, &used) + charge.cost <= charge.quota.burst.get();
        let admitted = charges.iter().all(fits);
        if admitted {
            charges.iter().for_each(|charge| *used.entry(charge.bucket).or_default() += charge.cost);
        }
        let level = |charge: &Charge| {
            let (used, interval) = (of(charge, &used), charge.quota.interval);
            let missing = if admitted { 0 } else { (used + charge.cost).saturating_sub(charge.quota.burst.get()) };
            let left = charge.quota.burst.get().saturating_sub(used);
            Level { left, full_in: interval * used, enough_in: interval * missing }
        };
        let charged = Charged { admitted, levels: charges.iter().map(level).collect() };
        Box::pin(async { Ok(charged) })
    }
}

/// The bundle of the other services, with limits. The issuer is replaced by the one of the contract, and so are approvals.
const SETTINGS: &str = r#"
[layers]
consent = "none"
guardrails = ["care.cedar"]

[directory]
supplies = ["Report"]

[[issuer]]
issuer = "https://as.example.com"
preset = "rfc9068"
audience = ["https://api.example.com"]
algorithms = ["ES256"]
keys = { url = "https://as.example.com/jwks" }
unlisted_clients = "person"
scope_names = { profile = "read:profile" }

[approval]
clients = ["web"]
key = { env = "NOT_READ" }
replay = "one-replica"
scope = "read:profile"

[[limit]]
name = "agents"
class = "agent"
per = ["actor", "subject"]
rate = "6/m"
burst = 1

[[limit]]
name = "people"
class = "human"
per = ["subject"]
rate = "6/m"
burst = 3
costs = { GetMember = 2 }

[[limit]]
name = "denials"
counts = "denials"
per = ["subject"]
rate = "1/m"
burst = 1

[[limit]]
name = "peers"
counts = "failed-authentication"
per = ["peer"]
rate = "6/m"
burst = 1
"#;
