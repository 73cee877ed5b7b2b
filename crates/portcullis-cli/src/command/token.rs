use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use portcullis::Loaded;
use portcullis_core::{Engine, PrincipalFacts, UnixTime, VerifiedClaims};
use portcullis_token::{Issuer, TokenError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{BundleArgs, Opened, now, parse_time, secret};
use crate::output::caller::Described;
use crate::output::{Shell, Style};

/// Verify a token, and show the caller that it becomes, or why it becomes none
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    bundle: BundleArgs,
    /// Where the token is: the name of a file, or `-` for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    token: String,
    /// Show what it says without verifying it: no issuer is asked
    #[arg(long)]
    inspect: bool,
    /// When: seconds since 1970 or `2026-01-01T12:00:00Z` [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<UnixTime>,
}

impl Token {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let opened = self.bundle.open(shell)?;
        let token = secret(&self.token)?;
        let at = self.now.unwrap_or_else(now);
        let read = Unverified::read(&token);
        let (state, refusal, claims) = if self.inspect {
            let claims = read.as_ref().and_then(|read| read.assume_verified(&opened));
            let unknown = "no issuer of the settings is its `iss`".to_owned();
            (State::Unverified, claims.is_none().then_some(unknown), claims)
        } else {
            match verify(&opened.loaded, &token, at)? {
                Ok(claims) => (State::Verified, None, Some(claims)),
                Err(error) => (State::Refused, Some(reason(&error, &opened)), None),
            }
        };
        let described = claims.map(|claims| caller(&opened.engine(), claims));
        let (caller, problem) = match described {
            Some(Ok(caller)) => (Some(caller), refusal),
            Some(Err(problem)) => (None, Some(problem)),
            None => (None, refusal),
        };
        let answer = Answer { state, at: at.to_string(), problem, caller, token: read };
        shell.answer(&answer, |style| answer.text(style))?;
        Ok(Exit::yes_if(answer.caller.is_some()))
    }
}

/// Verifies `token` as the service would, at `now`: the claims, or why it is refused.
pub(crate) fn verify(
    loaded: &Loaded,
    token: &str,
    now: UnixTime,
) -> Result<Result<VerifiedClaims, TokenError>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::cannot("the runtime", error))?;
    match runtime.block_on(loaded.verifier.verify(token, now)) {
        Err(
            error @ (TokenError::Unavailable { .. }
            | TokenError::StatusUnavailable { .. }
            | TokenError::CredentialsRefused { .. }),
        ) => Err(Failure::cannot("the issuer", with_sources(&error))),
        result => Ok(result),
    }
}

/// Why it is refused, and what to look at where that is not obvious.
fn reason(error: &TokenError, opened: &Opened) -> String {
    let help = match error {
        TokenError::UnknownIssuer => {
            let trusted: Vec<&str> = opened.loaded.verifier.issuers().map(Issuer::identifier).collect();
            format!("; trusted are {}", trusted.join(", "))
        }
        TokenError::BoundTokenAsBearer | TokenError::CertificateMismatch | TokenError::BindingRequired { .. } => {
            "; a proof belongs to a request, so look at the token with `--inspect`".to_owned()
        }
        _ => String::new(),
    };
    with_sources(error) + &help
}

/// The message with those that it stands on.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        source = error.source();
    }
    text
}

/// The caller that `claims` become, or why they become none.
fn caller(engine: &Engine, claims: VerifiedClaims) -> Result<Described, String> {
    let caller = engine.caller(claims).map_err(|error| error.to_string())?;
    let session = engine.session_with(caller.clone(), &PrincipalFacts::new());
    let unknown = session.as_ref().map(|session| session.unknown_scopes().to_vec()).unwrap_or_default();
    let lacks = session.err().map(|error| error.to_string());
    Ok(Described::of(&caller, &unknown, lacks))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Verified,
    Refused,
    Unverified,
}

#[derive(Debug, Serialize)]
struct Answer {
    state: State,
    at: String,
    problem: Option<String>,
    caller: Option<Described>,
    /// What the token says, whoever made it. `None` if it is no JWT.
    token: Option<Unverified>,
}

impl Answer {
    fn text(&self, style: Style) -> String {
        let mut text = match self.state {
            State::Verified if self.caller.is_some() => {
                format!("{} at {}\n", style.green("verified"), self.at)
            }
            State::Verified => format!("{}, but makes no caller\n", style.red("verified")),
            State::Refused => format!("{} at {}\n", style.red("refused"), self.at),
            State::Unverified => {
                format!("{}: anybody can have written this token\n", style.yellow("not verified"))
            }
        };
        text += &self.problem.iter().map(|problem| format!("  {problem}\n")).collect::<String>();
        if let Some(caller) = &self.caller {
            text += &format!("\n{}", caller.text(style));
        }
        match &self.token {
            Some(token) if self.state != State::Verified || self.caller.is_none() => {
                text += &format!("\nit says, {}\n", style.yellow("without proof"));
                for (name, value) in [("header", &token.header), ("claims", &token.claims)] {
                    let json = serde_json::to_string_pretty(value).unwrap_or_default();
                    let json: String = json.lines().map(|line| format!("  {}\n", style.dim(line))).collect();
                    text += &format!("  {name}\n{json}");
                }
            }
            None if self.state != State::Verified => text += "  it is no JWT, so nothing can be read from it\n",
            _ => {}
        }
        text
    }
}

/// What a JWT says. Nothing of it was checked.
#[derive(Debug, Serialize)]
struct Unverified {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Unverified {
    fn read(token: &str) -> Option<Self> {
        let mut segments = token.split('.').map(|segment| {
            let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
            serde_json::from_slice(&bytes).ok()
        });
        Some(Self { header: segments.next()??, claims: segments.next()?? })
    }

    /// The claims as if they were true, from the source that their issuer has here.
    fn assume_verified(&self, opened: &Opened) -> Option<VerifiedClaims> {
        let named = self.claims.get("iss").and_then(Value::as_str);
        let mut issuers = opened.loaded.verifier.issuers();
        let issuer = issuers.find(|issuer| Some(issuer.identifier()) == named)?;
        Some(VerifiedClaims::assume_verified(issuer.alias(), self.claims.clone()).with_header(self.header.clone()))
    }
}
