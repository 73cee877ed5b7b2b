//! What else a service could pick, measured beside Portcullis in one run: the same decisions, the same tokens, the same keys.
//!
//! `cargo run --release` measures everything; `-- decisions` or `-- tokens` measures a part. What each of them checks less, and
//! what was prepared for it, is in the README beside this folder.

mod decisions;
mod measure;
mod tokens;

fn main() {
    let wanted = std::env::args().nth(1);
    let wants = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    if wants("tokens") {
        tokens::run();
    }
    if wants("decisions") {
        decisions::run();
    }
}
