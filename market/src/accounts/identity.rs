//! Who an account is elsewhere: its account on the ledger, and what institutions call its owner.

use circuits::id::AccountId;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into,
    result::{DatabaseErrorKind, Error::DatabaseError},
    update,
};
use node::units::Timestamp;
use rand::Rng;

use super::{
    Account, Accounts, NewAccount, NewCredential, ServiceAccountId, account, credential,
    schema::{accounts, credentials, identities},
    session::hold,
};
use crate::{
    Error,
    database::{Bytes, DatabaseConnection, on_each, signed},
};

/// Institutions that vouch for one account at most.
pub const IDENTITIES_MAX: usize = 8;
/// The longest issuer, in bytes.
const ISSUER_BYTES_MAX: usize = 512;
/// The longest subject (OpenID Connect Core §2).
const SUBJECT_BYTES_MAX: usize = 255;

/// Who an institution says somebody is: the pair never changes and is nobody else's (OpenID Connect Core §5.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    issuer: String,
    subject: String,
}

impl Identity {
    /// An identity.
    ///
    /// # Errors
    /// [`Error::Account`] for an empty or overlong part.
    pub fn new(issuer: String, subject: String) -> Result<Self, Error> {
        let within = |text: &str, max| !text.is_empty() && text.len() <= max && !text.contains('\0');
        if within(&issuer, ISSUER_BYTES_MAX) && within(&subject, SUBJECT_BYTES_MAX) {
            return Ok(Self { issuer, subject });
        }
        let why = format!("its issuer has 1 to {ISSUER_BYTES_MAX} bytes, its subject 1 to {SUBJECT_BYTES_MAX}");
        Err(Error::Account { why })
    }

    /// The institution, by the URL of its OpenID provider.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the institution calls the person.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl Accounts {
    /// Makes an account together with its first passkey. The id is the one that the passkey was made for.
    ///
    /// # Errors
    /// [`Error::Account`] as for an account and a credential, and then neither is made; [`Error::Database`] when the
    /// database fails.
    pub fn register(
        &self,
        id: ServiceAccountId,
        new: &NewAccount,
        passkey: &NewCredential<'_>,
        now: Timestamp,
    ) -> Result<Account, Error> {
        self.database.write(|connection| {
            let account = account::insert(connection, id, new, now)?;
            credential::insert(connection, id, passkey, now)?;
            Ok(account)
        })
    }

    /// Says which account of the ledger an account speaks for.
    ///
    /// # Errors
    /// [`Error::Account`] when it names one already, another account names this one, or it is not there;
    /// [`Error::Database`] when the database fails.
    pub fn link(&self, id: ServiceAccountId, ledger_account: AccountId) -> Result<(), Error> {
        let bytes = Some(ledger_account.as_bytes().to_vec());
        self.database.write(|connection| {
            hold(connection, id)?;
            let this = accounts::table.find(id.as_bytes().to_vec()).filter(accounts::ledger_account.is_null());
            match update(this).set(accounts::ledger_account.eq(bytes)).execute(connection) {
                Err(DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                    refused("another account here names that ledger account; sign in to that one")
                }
                Ok(0) => refused("it names a ledger account already; unlink that one first"),
                linked => Ok(linked.map(drop)?),
            }
        })
    }

    /// Forgets which account of the ledger an account speaks for. `vouching` are the issuers through which people can sign
    /// in at present.
    ///
    /// # Errors
    /// [`Error::Account`] when it names none, or its owner could not sign in any more; [`Error::Database`] when the
    /// database fails.
    pub fn unlink(&self, id: ServiceAccountId, vouching: &[String]) -> Result<(), Error> {
        self.database.write(|connection| {
            hold(connection, id)?;
            let this = accounts::table.find(id.as_bytes().to_vec()).filter(accounts::ledger_account.is_not_null());
            match update(this).set(accounts::ledger_account.eq(None::<Vec<u8>>)).execute(connection)? {
                0 => refused("it names no ledger account"),
                _ => require_way_in(connection, id, vouching),
            }
        })
    }

    /// The account that an institution vouches for.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn account_of_identity(&self, identity: &Identity) -> Result<Option<Account>, Error> {
        let named = identities::table.find((identity.issuer.clone(), identity.subject.clone()));
        let named = named.select(identities::account);
        let id: Option<Bytes<16>> = self.database.read(|connection| named.first(connection).optional())?;
        id.map_or(Ok(None), |id| self.account(id.into()))
    }

    /// Makes an account that an institution vouches for.
    ///
    /// # Errors
    /// [`Error::Account`] for a name out of bounds or an identity that has an account; [`Error::Database`] when the
    /// database fails.
    pub fn register_identity(
        &self,
        new: &NewAccount,
        identity: &Identity,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Account, Error> {
        let id = ServiceAccountId::random(rng);
        self.database.write(|connection| {
            let account = account::insert(connection, id, new, now)?;
            insert(connection, id, identity, now)?;
            Ok(account)
        })
    }

    /// Lets an institution vouch for an account.
    ///
    /// # Errors
    /// [`Error::Account`] for an identity that has an account, an account that is not there or has [`IDENTITIES_MAX`];
    /// [`Error::Database`] when the database fails.
    pub fn add_identity(&self, id: ServiceAccountId, identity: &Identity, now: Timestamp) -> Result<(), Error> {
        self.database.write(|connection| insert(connection, id, identity, now))
    }

    /// Forgets that a provider vouches for an account. `vouching` are the issuers through which people can sign in at
    /// present.
    ///
    /// # Errors
    /// [`Error::Account`] when it does not, or the account would have no other way to sign in; [`Error::Database`] when the
    /// database fails.
    pub fn remove_identities(&self, id: ServiceAccountId, issuer: &str, vouching: &[String]) -> Result<(), Error> {
        let these = identities::table.filter(identities::account.eq(id.as_bytes().to_vec()));
        let these = these.filter(identities::issuer.eq(issuer.to_owned()));
        self.database.write(|connection| {
            hold(connection, id)?;
            match delete(these).execute(connection)? {
                0 => refused("no such institution vouches for it"),
                _ => require_way_in(connection, id, vouching),
            }
        })
    }

    /// Who vouches for an account, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn identities(&self, id: ServiceAccountId) -> Result<Vec<Identity>, Error> {
        let of_account = identities::table
            .filter(identities::account.eq(id.as_bytes().to_vec()))
            .order(identities::created)
            .limit(signed(IDENTITIES_MAX as u64))
            .select((identities::issuer, identities::subject));
        let rows: Vec<(String, String)> = self.database.read(|connection| of_account.load(connection))?;
        Ok(rows.into_iter().map(|(issuer, subject)| Identity { issuer, subject }).collect())
    }
}

fn refused<T>(why: &str) -> Result<T, Error> {
    Err(Error::Account { why: why.into() })
}

/// Refuses, and so undoes, what leaves nothing to sign in to an account with. An institution that is not `vouching` lets
/// nobody in, though it is kept for the day when it does again.
pub(super) fn require_way_in(
    connection: &mut DatabaseConnection,
    id: ServiceAccountId,
    vouching: &[String],
) -> Result<(), Error> {
    let passkeys = credentials::table.filter(credentials::account.eq(id.as_bytes().to_vec())).count();
    let vouched = identities::table.filter(identities::account.eq(id.as_bytes().to_vec()));
    let vouched = vouched.filter(identities::issuer.eq_any(vouching)).count();
    let linked = accounts::table.find(id.as_bytes().to_vec()).filter(accounts::ledger_account.is_not_null()).count();
    let ways = passkeys.get_result::<i64>(connection)?
        + vouched.get_result::<i64>(connection)?
        + linked.get_result::<i64>(connection)?;
    if ways == 0 { refused("nothing would be left to sign in with; add another way in first") } else { Ok(()) }
}

fn insert(
    connection: &mut DatabaseConnection,
    id: ServiceAccountId,
    identity: &Identity,
    now: Timestamp,
) -> Result<(), Error> {
    hold(connection, id)?;
    let of_account = identities::table.filter(identities::account.eq(id.as_bytes().to_vec()));
    let count: i64 = of_account.count().get_result(connection)?;
    if count >= signed(IDENTITIES_MAX as u64) {
        return refused("too many institutions vouch for it");
    }
    let row = (
        identities::issuer.eq(&identity.issuer),
        identities::subject.eq(&identity.subject),
        identities::account.eq(id.as_bytes().as_slice()),
        identities::created.eq(signed(now.get())),
    );
    let insert = insert_into(identities::table).values(row).on_conflict_do_nothing();
    match on_each!(connection, inner => insert.execute(inner))? {
        0 => refused("the institution vouches for another account here; sign in to that one"),
        _ => Ok(()),
    }
}
