/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database is missing, locked, damaged, or not what this program expects. Nobody's fault who calls: 503.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The database did not answer in time: 503.
    #[error("the database did not answer in time")]
    TooSlow,
    /// The row is no longer the one that was decided on: 409, and the caller asks again.
    #[error("the project has changed since it was decided on")]
    Changed,
    /// Somebody was named who is no member of the tenant: 422.
    #[error("this person is no member of the tenant")]
    NotAMember,
    /// The permit is for another action or another resource. A defect of the service: 500.
    #[error("the permit is not for this")]
    OtherPermit,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // The only references that a request can name are people.
            sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => Self::NotAMember,
            _ => Self::Database(error),
        }
    }
}
