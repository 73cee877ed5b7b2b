use std::process::{ExitCode, Termination};

/// How the program ends. Scripts branch on these numbers: changing one is a breaking change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The answer is yes: allowed, valid, nothing found.
    Yes = 0,
    /// The answer is no: denied, invalid, something found.
    No = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no answer: a file cannot be read, the bundle does not load, an issuer does not answer.
    Failed = 3,
}

/// What the help says of it.
pub(crate) const HELP: &str = "\
Exit codes:
  0  yes: allowed, valid, nothing found
  1  no: denied, invalid, something found
  2  the command line is wrong
  3  no answer: a file cannot be read, the bundle does not load, an issuer does not answer";

impl Exit {
    /// Yes if `yes`.
    pub(crate) const fn yes_if(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
