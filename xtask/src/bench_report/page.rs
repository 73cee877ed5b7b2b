//! The page for people.

use super::format;
use super::notes::{Notes, Peer};
use super::results::{Figure, Results, Unit};
use super::table;

/// The whole document.
pub(super) fn markdown(results: &Results, notes: &Notes) -> String {
    let machine = |name: &str| results.text(&format!("machine/{name}")).to_owned();
    let mut text = HEAD.to_owned();
    text += &format!(
        "Measured on {} with {} cores, {}, {}, on {}, at commit `{}`. The load of the machine was {} when it began.\n",
        machine("cpu"),
        machine("cores"),
        machine("os"),
        machine("rustc"),
        machine("date"),
        machine("commit"),
        machine("load"),
    );
    text += &budgets(results, notes);
    text += &decisions(results, notes);
    text += &tokens(results, notes);
    text += &details(results);
    text
}

fn budgets(results: &Results, notes: &Notes) -> String {
    let mut text = "\n## Budgets\n\nWhat was set before it was built.\n\n".to_owned();
    text += "| What | Budget | Measured | | Why not, or what else |\n|---|---|---:|---|---|\n";
    for budget in &notes.budgets {
        let measured = budget.measured(results).map_or("–".to_owned(), format::figure);
        let (met, reason) = match budget.is_met(results) {
            Some(_) if !budget.is_limited() => ("", ""),
            Some(true) => ("met", ""),
            Some(false) => ("**missed**", budget.missed.as_str()),
            None => ("not measured", ""),
        };
        let notes = [budget.note.as_str(), reason].join(" ");
        text += &format!("| {} | {} | {measured} | {met} | {} |\n", budget.path, budget.limit, notes.trim());
    }
    text
}

fn decisions(results: &Results, notes: &Notes) -> String {
    let engines: Vec<&str> = peers(notes, "decision").map(|peer| peer.name.as_str()).collect();
    let mut text = DECISIONS.to_owned();
    for (question, title) in QUESTIONS {
        let prefix = format!("peers/{question}");
        text += &format!("\n{title}\n\n{}", table::engines(results, &prefix, &engines));
        text += &table::reasons(results, &prefix);
    }
    text += "\nHow long it takes to load so many policies, once:\n\n";
    text += &table::engines(results, "peers/load", &engines);
    text + "\nWhat the others check less, and what has to be known of the comparison:\n\n" + &less(notes, "decision")
}

fn tokens(results: &Results, notes: &Notes) -> String {
    let mut text = TOKENS.to_owned();
    text += "| | ES256 | RS256 |\n|---|---:|---:|\n";
    for peer in peers(notes, "token") {
        let cell = |algorithm: &str| {
            let name = format!("peers/token/{algorithm}/{}", peer.name);
            let ratio = results.figure(&format!("{name}/ratio"));
            match (results.figure(&name), ratio) {
                (Some(time), Some(Figure { value, unit: Unit::Ratio })) => {
                    format!("{} ({})", format::figure(time), format::ratio(value))
                }
                _ => "–".to_owned(),
            }
        };
        text += &format!("| `{}` {} | {} | {} |\n", peer.name, peer.version, cell("ES256"), cell("RS256"));
    }
    text += &format!("\n{}", less(notes, "token"));
    // What should not be there stands out.
    let wrong =
        table::grid(results, "peers/wrong", "signed by the issuer, but").replace(" accepted |", " **accepted** |");
    text + WRONG + &wrong
}

fn less(notes: &Notes, kind: &str) -> String {
    let mut text = "| | Not checked | To be known |\n|---|---|---|\n".to_owned();
    for Peer { name, version, less, prepared, .. } in peers(notes, kind) {
        text += &format!("| `{name}` {version} | {less} | {prepared} |\n");
    }
    text
}

fn peers<'a>(notes: &'a Notes, kind: &'a str) -> impl Iterator<Item = &'a Peer> {
    notes.peers.iter().filter(move |peer| peer.kind == kind)
}

/// What each bench says.
fn details(results: &Results) -> String {
    let mut text =
        "\n## In detail\n\nWhat each line means is in the [README of the benches](../benches/README.md).\n".to_owned();
    for (title, prefix, corner) in GRIDS {
        text += &format!("\n### {title}\n\n{}", table::grid(results, prefix, corner));
    }
    for (title, prefix, columns) in LISTS {
        text += &format!("\n### {title}\n\n{}", table::list(results, prefix, columns));
    }
    text
}

const QUESTIONS: [(&str, &str); 3] = [
    ("role", "Allowed by a role:"),
    ("denied", "Denied, as no policy allows it:"),
    ("guarded", "Allowed by a policy with a condition, with three guardrails and a scope:"),
];

const GRIDS: [(&str, &str, &str); 2] = [
    ("A decision, and the number of policies", "decide", "question"),
    ("What else there may be many of", "grow", "how many"),
];

const LISTS: [(&str, &str, [&str; 2]); 12] = [
    ("A denial, and what would lift it", "deny", ["remedy", "time"]),
    ("A hundred at once", "batch", ["how", "time for all"]),
    ("Two threads", "threads", ["what", "one: time of a call; two: times the calls of one"]),
    ("Loading a bundle", "load", ["what, and how many policies", "time"]),
    ("Memory", "memory", ["what", "bytes asked of the allocator"]),
    ("A new token", "verify", ["algorithm and step", "time"]),
    ("A known token: where its time goes", "known", ["what", "time"]),
    ("A token that is bound to a key", "dpop", ["step", "time"]),
    ("An opaque token", "introspect", ["which", "time"]),
    ("The caller of a verified token", "session", ["who", "time"]),
    ("A whole service", "http", ["framework", "requests, and which part of them behind a gate"]),
    ("Audit", "audit", ["what", "cost"]),
];

const HEAD: &str = "\
# Benchmarks

<!-- Generated by `cargo xtask bench-report` from benches/results.tsv and benches/report.toml. Do not edit. -->

What Portcullis costs, and what else one could pick, measured in one run on one machine. Times differ between machines: look at ratios first. `cargo xtask
bench-report` measures everything again.

";

const DECISIONS: &str = "
## A decision, side by side

The same caller asks the same questions of each engine, for a token that is known. What does not change from one request to the next is prepared
before. *Policies* are permits and guardrails; all but a few concern other roles and other actions, twenty of those at most. In parentheses: how many
times the time of Portcullis.

![Time of a decision against the number of policies, one line for each engine](decision-time.svg)
";

const TOKENS: &str = "
## A token, side by side

The same token and the same key for each library, which take turns, so that the ratios hold on a busy machine too. In parentheses: how many times the time of this
verifier for a token that is new.

";

const WRONG: &str = "
The same libraries are shown tokens that a resource server should refuse. Some of them can be told to look more closely, or leave it to the service:

";
