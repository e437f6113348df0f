//! Passkeys: what an account proves itself with.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, delete, insert_into, update};
use node::units::Timestamp;

use super::{
    Accounts, ServiceAccountId, account::checked_name, identity::require_way_in, schema::credentials, session::hold,
};
use crate::{
    Error,
    database::{Bytes, DatabaseConnection, MaybeTime, Number, on_each, signed},
};

/// Credentials that one account has at most.
pub const CREDENTIALS_MAX: usize = 16;
/// The largest stored public key, in bytes: the key with its counter and flags, as the passkey library writes it.
pub const PUBLIC_KEY_BYTES_MAX: usize = 8 << 10;
/// Characters of a credential's label, at most.
pub const LABEL_CHARS_MAX: usize = 100;
/// The longest id that an authenticator gives (WebAuthn, "credential ID").
const ID_BYTES_MAX: usize = 1_023;

/// A credential's id, as its authenticator gave it: 1 to 1,023 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The id with these bytes.
    ///
    /// # Errors
    /// [`Error::Account`] for none or too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.is_empty() || bytes.len() > ID_BYTES_MAX {
            return Err(Error::Account {
                why: format!("its credential's id has {} bytes, not 1 to {ID_BYTES_MAX}", bytes.len()),
            });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A passkey of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub account: ServiceAccountId,
    /// The public key with its counter, as the passkey library writes it.
    pub public_key: Vec<u8>,
    /// What its owner calls it.
    pub label: String,
    /// When it was added.
    pub created: Timestamp,
    /// When somebody last signed in with it.
    pub last_used: Option<Timestamp>,
}

/// A passkey to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewCredential<'a> {
    /// Its id.
    pub id: &'a CredentialId,
    /// The public key with its counter, as the passkey library writes it.
    pub public_key: &'a [u8],
    /// What its owner calls it.
    pub label: &'a str,
}

type Row = (Vec<u8>, Bytes<16>, Vec<u8>, String, Number, MaybeTime);

fn credential(row: Row) -> Credential {
    let (id, account, public_key, label, created, last_used) = row;
    Credential {
        id: CredentialId(id),
        account: account.into(),
        public_key,
        label,
        // No column has a number below zero.
        created: created.try_into().unwrap_or_default(),
        last_used: last_used.try_into().unwrap_or_default(),
    }
}

fn check_key(public_key: &[u8]) -> Result<(), Error> {
    if public_key.is_empty() || public_key.len() > PUBLIC_KEY_BYTES_MAX {
        let why = format!("its public key has {} bytes, not 1 to {PUBLIC_KEY_BYTES_MAX}", public_key.len());
        return Err(Error::Account { why });
    }
    Ok(())
}

/// Writes a credential's row.
pub(super) fn insert(
    connection: &mut DatabaseConnection,
    account: ServiceAccountId,
    new: &NewCredential<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    check_key(new.public_key)?;
    let label = checked_name("credential's label", new.label, LABEL_CHARS_MAX)?;
    let refused = |why: String| Err(Error::Account { why });
    hold(connection, account)?;
    let of_account = credentials::table.filter(credentials::account.eq(account.as_bytes().to_vec()));
    let count: i64 = of_account.count().get_result(connection)?;
    if count >= signed(CREDENTIALS_MAX as u64) {
        return refused(format!("it has {count} credentials; remove one first"));
    }
    let row = (
        credentials::id.eq(new.id.as_bytes()),
        credentials::account.eq(account.as_bytes().as_slice()),
        credentials::public_key.eq(new.public_key),
        credentials::label.eq(label),
        credentials::created.eq(signed(now.get())),
    );
    let insert = insert_into(credentials::table).values(row).on_conflict_do_nothing();
    match on_each!(connection, inner => insert.execute(inner))? {
        0 => refused("the credential belongs to an account already; sign in with it".into()),
        _ => Ok(()),
    }
}

impl Accounts {
    /// Adds a credential to an account.
    ///
    /// # Errors
    /// [`Error::Account`] for a key or label out of bounds, an account that is not there or has [`CREDENTIALS_MAX`], or a
    /// credential that is known already; [`Error::Database`] when the database fails.
    pub fn add_credential(
        &self,
        account: ServiceAccountId,
        id: &CredentialId,
        public_key: &[u8],
        label: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let new = NewCredential { id, public_key, label };
        self.database.write(|connection| insert(connection, account, &new, now))
    }

    /// A credential by its id.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn credential(&self, id: &CredentialId) -> Result<Option<Credential>, Error> {
        let this = credentials::table.find(id.as_bytes().to_vec());
        let row: Option<Row> = self.database.read(|connection| this.first(connection).optional())?;
        Ok(row.map(credential))
    }

    /// The credentials of an account, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn credentials(&self, account: ServiceAccountId) -> Result<Vec<Credential>, Error> {
        let of_account = credentials::table
            .filter(credentials::account.eq(account.as_bytes().to_vec()))
            .order((credentials::created, credentials::id))
            .limit(signed(CREDENTIALS_MAX as u64));
        let rows: Vec<Row> = self.database.read(|connection| of_account.load(connection))?;
        Ok(rows.into_iter().map(credential).collect())
    }

    /// Notes that somebody signed in with a credential, with its public key as the counter left it. The sign-in was checked
    /// against the credential as it was `before`: of two at once that count, one is refused, since a copy may have made it.
    ///
    /// # Errors
    /// [`Error::Account`] for a key out of bounds, or a credential that is not there as it was; [`Error::Database`] when the
    /// database fails.
    pub fn used_credential(&self, before: &Credential, public_key: &[u8], now: Timestamp) -> Result<(), Error> {
        check_key(public_key)?;
        let this = credentials::table.find(before.id.as_bytes().to_vec());
        let this = this.filter(credentials::public_key.eq(before.public_key.clone()));
        let changes = (credentials::public_key.eq(public_key), credentials::last_used.eq(Some(signed(now.get()))));
        let changed = self.database.write(|connection| Ok(update(this).set(changes).execute(connection)?))?;
        let why = "its credential is not known here, or was used at the same moment; sign in again";
        if changed == 0 { Err(Error::Account { why: why.into() }) } else { Ok(()) }
    }

    /// Gives a credential of an account another label.
    ///
    /// # Errors
    /// [`Error::Account`] for a label out of bounds, or when the account has no such credential; [`Error::Database`] when
    /// the database fails.
    pub fn rename_credential(&self, account: ServiceAccountId, id: &CredentialId, label: &str) -> Result<(), Error> {
        let label = checked_name("credential's label", label, LABEL_CHARS_MAX)?;
        let this = credentials::table.find(id.as_bytes().to_vec());
        let this = this.filter(credentials::account.eq(account.as_bytes().to_vec()));
        let change = credentials::label.eq(label);
        match self.database.write(|connection| Ok(update(this).set(change).execute(connection)?))? {
            0 => Err(Error::Account { why: "it has no such credential".into() }),
            _ => Ok(()),
        }
    }

    /// Takes a credential from an account. `vouching` are the issuers through which people can sign in at present.
    ///
    /// # Errors
    /// [`Error::Account`] when the account has no such credential, or no other way to sign in; [`Error::Database`] when
    /// the database fails.
    pub fn remove_credential(
        &self,
        account: ServiceAccountId,
        id: &CredentialId,
        vouching: &[String],
    ) -> Result<(), Error> {
        let this = credentials::table.find(id.as_bytes().to_vec());
        let this = this.filter(credentials::account.eq(account.as_bytes().to_vec()));
        self.database.write(|connection| {
            hold(connection, account)?;
            match delete(this).execute(connection)? {
                0 => Err(Error::Account { why: "it has no such credential".into() }),
                // What was deleted comes back with the refusal.
                _ => require_way_in(connection, account, vouching),
            }
        })
    }
}
