//! Sessions: who is signed in, and until when.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into, update};
use node::units::Timestamp;
use rand::CryptoRng;

use super::{
    Accounts, ServiceAccountId, SessionId, SessionToken, UserAgentDigest,
    account::absent,
    schema::{accounts, sessions},
};
use crate::{
    Error,
    database::{Bytes, DatabaseConnection, Number, signed},
};

/// Sessions that one account has open at most. One more ends the one that was used longest ago.
pub const SESSIONS_MAX: usize = 16;
/// The longest session, in seconds.
pub const SESSION_SECONDS_MAX: u32 = 30 * 86_400;
/// How long a session lasts that nobody uses, in seconds.
pub const SESSION_IDLE_SECONDS_MAX: u32 = 2 * 86_400;
/// How exact [`Session::last_seen`] is, in seconds: not every request writes.
pub const LAST_SEEN_SECONDS: u32 = 60;
const _: () = assert!(LAST_SEEN_SECONDS < SESSION_IDLE_SECONDS_MAX && SESSION_IDLE_SECONDS_MAX < SESSION_SECONDS_MAX);

/// Expired sessions that [`Accounts::prune_sessions`] deletes at once.
const PRUNED_MAX: i64 = 1_000;

/// A session that a token proved and that has not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: ServiceAccountId,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to [`LAST_SEEN_SECONDS`].
    pub last_seen: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// The browser it began in.
    pub user_agent: UserAgentDigest,
}

type Row = (Bytes<16>, Bytes, Bytes<16>, Number, Number, Number, Bytes);

fn time(number: Number) -> Timestamp {
    // No column has a number below zero.
    number.try_into().unwrap_or_default()
}

fn session(row: &Row) -> Session {
    let (id, _, account, created, last_seen, expires, user_agent) = *row;
    Session {
        id: SessionId::from_bytes(id.get()),
        account: account.into(),
        created: time(created),
        last_seen: time(last_seen),
        expires: time(expires),
        user_agent: UserAgentDigest::from_bytes(user_agent.get()),
    }
}

impl Accounts {
    /// Opens a session of an account that proved who it is, for `seconds`, and returns its token, which the service
    /// itself does not keep.
    ///
    /// # Errors
    /// [`Error::Account`] for an account that is not there or a session beyond [`SESSION_SECONDS_MAX`],
    /// [`Error::Database`] when the database fails.
    pub fn sign_in(
        &self,
        account: ServiceAccountId,
        user_agent: UserAgentDigest,
        seconds: u32,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SessionToken, Error> {
        if seconds == 0 || seconds > SESSION_SECONDS_MAX {
            return Err(Error::Account { why: format!("a session lasts 1 to {SESSION_SECONDS_MAX} seconds") });
        }
        let token = SessionToken::random(rng);
        self.database.write(|connection| {
            hold(connection, account)?;
            end_oldest(connection, account)?;
            insert_into(sessions::table)
                .values((
                    sessions::id.eq(token.id().as_bytes().as_slice()),
                    sessions::secret_digest.eq(token.secret_digest().as_bytes().as_slice()),
                    sessions::account.eq(account.as_bytes().as_slice()),
                    sessions::created.eq(signed(now.get())),
                    sessions::last_seen.eq(signed(now.get())),
                    sessions::expires.eq(signed(now.after(seconds).get())),
                    sessions::user_agent.eq(user_agent.as_bytes().as_slice()),
                ))
                .execute(connection)?;
            Ok(())
        })?;
        Ok(token)
    }

    /// The session that a token proves; `None` when there is none, its secret is another, it has expired, or nobody used it
    /// for [`SESSION_IDLE_SECONDS_MAX`].
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn session(&self, token: &SessionToken, now: Timestamp) -> Result<Option<Session>, Error> {
        let found = sessions::table.find(token.id().as_bytes().to_vec());
        let row: Option<Row> = self.database.read(|connection| found.first(connection).optional())?;
        let Some(row) = row.filter(|row| token.proves(&row.1.get())) else { return Ok(None) };
        let mut session = session(&row);
        if session.expires <= now || session.last_seen <= idle_since(now) {
            return Ok(None);
        }
        if session.last_seen.after(LAST_SEEN_SECONDS) <= now {
            session.last_seen = now;
            let this = sessions::table.find(token.id().as_bytes().to_vec());
            let seen = sessions::last_seen.eq(signed(now.get()));
            self.database.write(|connection| Ok(update(this).set(seen).execute(connection)?))?;
        }
        Ok(Some(session))
    }

    /// The open sessions of an account, the latest used first.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn sessions(&self, account: ServiceAccountId, now: Timestamp) -> Result<Vec<Session>, Error> {
        let open = sessions::table
            .filter(sessions::account.eq(account.as_bytes().to_vec()))
            .filter(sessions::expires.gt(signed(now.get())))
            .filter(sessions::last_seen.gt(signed(idle_since(now).get())))
            .order((sessions::last_seen.desc(), sessions::id.desc()))
            .limit(signed(SESSIONS_MAX as u64));
        let rows: Vec<Row> = self.database.read(|connection| open.load(connection))?;
        Ok(rows.iter().map(session).collect())
    }

    /// Ends the session of a token; one that is not open already stays so.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn sign_out(&self, token: &SessionToken, now: Timestamp) -> Result<(), Error> {
        let Some(session) = self.session(token, now)? else { return Ok(()) };
        let this = sessions::table.find(session.id.as_bytes().to_vec());
        self.database.write(|connection| Ok(delete(this).execute(connection).map(drop)?))
    }

    /// Ends one of an account's own sessions.
    ///
    /// # Errors
    /// [`Error::Account`] when the account has no such session, [`Error::Database`] when the database fails.
    pub fn end_session(&self, account: ServiceAccountId, id: SessionId) -> Result<(), Error> {
        let this = sessions::table
            .filter(sessions::id.eq(id.as_bytes().to_vec()))
            .filter(sessions::account.eq(account.as_bytes().to_vec()));
        match self.database.write(|connection| Ok(delete(this).execute(connection)?))? {
            0 => Err(Error::Account { why: "it has no such session".into() }),
            _ => Ok(()),
        }
    }

    /// Ends every session of an account, and returns how many there were.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn sign_out_everywhere(&self, account: ServiceAccountId) -> Result<usize, Error> {
        let all = sessions::table.filter(sessions::account.eq(account.as_bytes().to_vec()));
        self.database.write(|connection| {
            hold(connection, account)?;
            Ok(delete(all).execute(connection)?)
        })
    }

    /// Forgets sessions that have expired, some at a time, and returns how many.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn prune_sessions(&self, now: Timestamp) -> Result<usize, Error> {
        self.database.write(|connection| {
            let over: Vec<Vec<u8>> = sessions::table
                .filter(sessions::expires.le(signed(now.get())))
                .or_filter(sessions::last_seen.le(signed(idle_since(now).get())))
                .order(sessions::expires)
                .limit(PRUNED_MAX)
                .select(sessions::id)
                .load(connection)?;
            let deleted = over.into_iter().map(|id| delete(sessions::table.find(id)).execute(connection));
            Ok(deleted.sum::<Result<usize, _>>()?)
        })
    }
}

/// The time since when a session must have been used.
fn idle_since(now: Timestamp) -> Timestamp {
    Timestamp::new(now.get().saturating_sub(SESSION_IDLE_SECONDS_MAX.into()))
}

/// Holds an account's row to the end of the transaction, so that sign-ins at once count each other.
pub(super) fn hold(connection: &mut DatabaseConnection, account: ServiceAccountId) -> Result<(), Error> {
    let this = accounts::table.find(account.as_bytes().to_vec()).select(accounts::id);
    let found: Option<Vec<u8>> = match connection {
        DatabaseConnection::Sqlite(inner) => this.first(inner).optional()?,
        DatabaseConnection::Postgres(inner) => this.for_update().first(inner).optional()?,
    };
    found.map(drop).ok_or_else(|| absent(account))
}

/// Makes room for one session more.
fn end_oldest(connection: &mut DatabaseConnection, account: ServiceAccountId) -> Result<(), Error> {
    let kept: Vec<Vec<u8>> = sessions::table
        .filter(sessions::account.eq(account.as_bytes().to_vec()))
        .order((sessions::last_seen.desc(), sessions::id.desc()))
        .offset(signed(SESSIONS_MAX as u64 - 1))
        .limit(signed(SESSIONS_MAX as u64))
        .select(sessions::id)
        .load(connection)?;
    for id in kept {
        delete(sessions::table.find(id)).execute(connection)?;
    }
    Ok(())
}
