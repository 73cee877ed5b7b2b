//! The database, and how long it is waited for.

use std::str::FromStr as _;
use std::time::Duration;

use portcullis::Permit;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection as _, SqliteConnection, SqlitePool};

use crate::error::StoreError;

/// The database. Cheap to clone.
///
/// Nothing waits for it for more than a second, which is less than the gate waits for its directory. Every value of a
/// request reaches it as a bound parameter; the text of a query is never put together.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

impl Store {
    /// The URL of a database in memory, which ends with its store.
    pub const IN_MEMORY: &str = "sqlite::memory:";

    /// Opens the database at `url`: [`Store::IN_MEMORY`], or `sqlite:` and the path of a file.
    ///
    /// A database without tables, or a file that does not exist, gets tables and the sample data.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`] if it cannot be opened, [`StoreError::TooSlow`] if somebody else keeps it locked.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?.foreign_keys(true).busy_timeout(LOCKED_FOR_AT_MOST);
        within(async {
            // Only here: a file that vanishes later is an outage, and no reason to begin with sample data again.
            let mut first = SqliteConnection::connect_with(&options.clone().create_if_missing(true)).await?;
            prepare(&mut first).await?;
            // A database in memory is gone with its last connection, and its connections do not wait for each other.
            let connections = if url == Self::IN_MEMORY { 1 } else { CONNECTIONS };
            let pool = SqlitePoolOptions::new().min_connections(1).max_connections(connections);
            let pool = pool.acquire_timeout(WITHIN).idle_timeout(None).max_lifetime(None);
            let pool = pool.connect_with(options).await?;
            first.close().await?;
            Ok(Self { pool })
        })
        .await
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

/// Gives an empty database its tables and the sample data.
async fn prepare(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    if version == 0 {
        sqlx::raw_sql(include_str!("../sql/schema.sql")).execute(&mut *transaction).await?;
        sqlx::raw_sql(include_str!("../sql/seed.sql")).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// What `work` comes to, if it does in time.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(WITHIN, work).await.unwrap_or(Err(StoreError::TooSlow))
}

/// Refuses a permit that is for something else: a permit to see is none to delete, and one for this row is none for that.
pub(crate) fn fits(permit: &Permit, action: &str, resource: (&str, &str)) -> Result<(), StoreError> {
    if permit.action() == action && permit.resource() == resource { Ok(()) } else { Err(StoreError::OtherPermit) }
}

/// Less than the 2 seconds that a gate waits for its directory, so that the log says what was slow.
const WITHIN: Duration = Duration::from_secs(1);

/// Less than `WITHIN`, so that a connection does not wait for a lock when nobody waits for the connection any more.
const LOCKED_FOR_AT_MOST: Duration = Duration::from_millis(500);

const CONNECTIONS: u32 = 4;
