use std::fmt;

use http::{HeaderMap, HeaderName};
use portcullis_core::UnixTime;
use portcullis_token::{Approvals, Intent, SignedApproval, UnfitApproval, VerifiedApproval};

/// The approval that a request came with.
#[derive(Clone, Default)]
pub(crate) enum PresentedApproval {
    #[default]
    None,
    Text(String),
    /// Nobody can say which of several, or it is no text, or too long to be one.
    Unreadable,
}

impl PresentedApproval {
    /// Reads the field `Portcullis-Approval`.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(APPROVAL).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) if value.len() <= SignedApproval::MAX_CHARS => {
                value.to_str().map_or(Self::Unreadable, |text| Self::Text(text.to_owned()))
            }
            (Some(_), _) => Self::Unreadable,
        }
    }

    /// `Ok(None)` if there is none.
    pub(super) fn verify(
        &self,
        approvals: &Approvals,
        wanted: &Intent,
        now: UnixTime,
    ) -> Result<Option<VerifiedApproval>, UnfitApproval> {
        match self {
            Self::None => Ok(None),
            Self::Text(text) => approvals.verify(text, wanted, now).map(Some),
            Self::Unreadable => Err(UnfitApproval::Malformed),
        }
    }
}

impl fmt::Debug for PresentedApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Text(_) => "Text(..)",
            Self::Unreadable => "Unreadable",
        })
    }
}

/// The field in which a request carries an approval; over gRPC the metadata of the same name.
const APPROVAL: HeaderName = HeaderName::from_static("portcullis-approval");
