//! The same decisions by each engine, among more and more policies.

mod biscuit;
mod casbin;
mod cedar;
mod cedarling;
mod portcullis;
mod rego;

use std::time::{Duration, Instant};

use crate::measure;

/// What is asked. Ann is a viewer and an editor of the tenant `acme`, and consented to reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// May Ann see a project? A viewer may.
    Role,
    /// May she delete it? No policy says so.
    Denied,
    /// May she change it? An editor may, if it is her own; it must be her tenant's, not archived, and her login a strong one.
    Guarded,
}

impl Question {
    pub const ALL: [Self; 3] = [Self::Role, Self::Denied, Self::Guarded];

    pub fn action(self) -> &'static str {
        match self {
            Self::Role => "GetProject",
            Self::Denied => "DeleteProject",
            Self::Guarded => "UpdateProject",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Denied => "denied",
            Self::Guarded => "guarded",
        }
    }

    fn is_allowed(self) -> bool {
        self != Self::Denied
    }
}

/// An engine that holds its policies, with everything prepared that does not change from one request to the next.
pub trait Engine {
    /// Whether it allows what is asked. `None` if its language cannot say such a rule.
    fn decide(&mut self, question: Question) -> Option<bool>;
}

/// How an engine loads so many policies, or why it cannot.
type Load = fn(usize) -> Result<Box<dyn Engine>, &'static str>;

const ENGINES: [(&str, Load); 7] = [
    ("portcullis", portcullis::load),
    ("cedar-policy", cedar::load),
    ("cedarling", cedarling::load),
    ("casbin", casbin::load),
    ("regorus-rules", rego::load_rules),
    ("regorus-data", rego::load_data),
    ("biscuit-auth", biscuit::load),
];

const SIZES: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// With fewer, only the policy for viewers is there.
pub const ENOUGH_FOR_ALL: usize = 10;

/// What a policy is about that concerns neither Ann's roles nor what she asks for: its role and its action.
pub fn others(policies: usize, own: usize) -> impl Iterator<Item = (String, String)> {
    let actions = other_actions(policies);
    (0..policies.saturating_sub(own)).map(move |other| (format!("role-{other}"), format!("Other{}", other % actions)))
}

/// How many other actions there are. Where policies are validated, each is for each action: with many more, the largest bundle
/// would take minutes to load.
pub fn other_actions(policies: usize) -> usize {
    (policies / 10).clamp(1, 20)
}

pub fn run() {
    let only = std::env::args().nth(2);
    for (engine, load) in ENGINES.iter().filter(|(engine, _)| only.as_deref().is_none_or(|only| only == *engine)) {
        let mut over = None;
        for policies in SIZES {
            match over {
                None => over = measure_one(engine, *load, policies),
                Some(reason) => skip(engine, policies, reason),
            }
        }
    }
}

/// Says why there are no figures for so many policies.
fn skip(engine: &str, policies: usize, reason: &str) {
    for question in Question::ALL {
        measure::record_absent(&format!("peers/{}/{engine}/{policies}", question.name()), reason);
    }
}

/// Measures every question with so many policies, and says why it is enough.
fn measure_one(engine: &str, load: Load, policies: usize) -> Option<&'static str> {
    let start = Instant::now();
    let mut loaded = match load(policies) {
        Ok(loaded) => loaded,
        Err(reason) => {
            skip(engine, policies, reason);
            return Some(reason);
        }
    };
    let took = start.elapsed();
    measure::record(&format!("peers/load/{engine}/{policies}"), took);
    let mut longest = Duration::ZERO;
    for question in
        Question::ALL.into_iter().filter(|question| *question != Question::Guarded || policies >= ENOUGH_FOR_ALL)
    {
        let name = format!("peers/{}/{engine}/{policies}", question.name());
        match loaded.decide(question) {
            None => measure::record_absent(&name, "its language cannot say it"),
            Some(allowed) => {
                assert_eq!(allowed, question.is_allowed(), "{name}");
                let time = measure::median(|| {
                    std::hint::black_box(loaded.decide(question));
                });
                measure::record(&name, time);
                longest = longest.max(time);
            }
        }
    }
    // The next size is ten times as large.
    if longest > LONGEST_DECISION / 10 {
        Some("one decision would take more than 0.2 s")
    } else if took > LONGEST_LOAD / 10 {
        Some("loading would take more than three minutes")
    } else {
        None
    }
}

const LONGEST_DECISION: Duration = Duration::from_millis(200);

const LONGEST_LOAD: Duration = Duration::from_secs(180);
