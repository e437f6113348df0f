//! Accounts: who they are to the service.

use std::{fmt, str::FromStr};

use circuits::id::AccountId;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    backend::Backend,
    delete,
    deserialize::{self, FromSql, FromSqlRow},
    insert_into,
    sql_types::{Binary, Nullable},
    update,
};
use node::units::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Accounts, schema::accounts};
use crate::{
    Error,
    database::{Bytes, DatabaseConnection, Number, names, on_each, signed, storable},
    index::PAGE_ROWS_MAX,
};

/// Characters of a name that people are shown by, at most.
pub const NAME_CHARS_MAX: usize = 100;

names! {
    /// As what somebody uses the service.
    Role {
        /// Holds records, or an agent for who does.
        Person = "person",
        /// Asks.
        Researcher = "researcher",
        /// Pays, recruits.
        Sponsor = "sponsor",
        /// Certifies records.
        Issuer = "issuer",
        /// Runs the service.
        Operator = "operator",
    }
}

/// An account's id in the service: 16 random bytes, as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceAccountId([u8; 16]);

impl ServiceAccountId {
    /// A new id.
    #[must_use]
    pub fn random(rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self(id)
    }

    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<Bytes<16>> for ServiceAccountId {
    fn from(bytes: Bytes<16>) -> Self {
        Self(bytes.get())
    }
}

impl fmt::Display for ServiceAccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ServiceAccountId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        let refused = |_| Error::Account { why: "its id is malformed; it has 32 hex digits".into() };
        hex::decode_to_slice(text, &mut bytes).map_err(refused)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for ServiceAccountId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ServiceAccountId> for String {
    fn from(id: ServiceAccountId) -> Self {
        id.to_string()
    }
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// As what it uses the service.
    pub role: Role,
    /// Its account on the ledger, if it has one; no two accounts share one.
    pub ledger_account: Option<AccountId>,
    /// What people see it by.
    pub display_name: String,
}

/// An account of the service.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    #[diesel(deserialize_as = Bytes<16>)]
    pub id: ServiceAccountId,
    /// As what it uses the service.
    pub role: Role,
    /// Its account on the ledger, if it has one.
    #[diesel(deserialize_as = MaybeAccount)]
    pub ledger_account: Option<AccountId>,
    /// What people see it by.
    pub display_name: String,
    /// When it was made.
    #[diesel(deserialize_as = Number)]
    pub created: Timestamp,
}

/// A column of a ledger account that may be absent.
#[derive(Debug, Clone, Copy, FromSqlRow)]
#[allow(unreachable_pub, reason = "named by the derived row decoder")]
pub struct MaybeAccount(Option<Bytes>);

impl<DB> FromSql<Nullable<Binary>, DB> for MaybeAccount
where
    DB: Backend,
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Bytes::from_sql(raw).map(|bytes| Self(Some(bytes)))
    }

    fn from_nullable_sql(raw: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        raw.map(Bytes::from_sql).transpose().map(Self)
    }
}

impl From<MaybeAccount> for Option<AccountId> {
    fn from(account: MaybeAccount) -> Self {
        account.0.map(Into::into)
    }
}

/// A page of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPage {
    /// The accounts, by id.
    pub items: Vec<Account>,
    /// Where the next page begins; absent on the last.
    pub next: Option<ServiceAccountId>,
}

/// A name as it is kept: without space around it, of 1 to so many characters, none of them a control character.
pub(super) fn checked_name(what: &str, name: &str, chars_max: usize) -> Result<String, Error> {
    let name = storable(name.trim()).into_owned();
    let count = name.chars().count();
    if count == 0 || count > chars_max || name.chars().any(char::is_control) {
        return Err(Error::Account {
            why: format!("its {what} needs 1 to {chars_max} characters, no control characters"),
        });
    }
    Ok(name)
}

/// A display name as it is kept.
///
/// # Errors
/// [`Error::Account`] for one of no characters, more than [`NAME_CHARS_MAX`], or with control characters.
pub fn display_name(name: &str) -> Result<String, Error> {
    checked_name("display name", name, NAME_CHARS_MAX)
}

impl Accounts {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Error::Account`] for a name out of bounds or when another has the ledger account, [`Error::Database`] when the
    /// database fails.
    pub fn create(&self, new: &NewAccount, now: Timestamp, rng: &mut (impl Rng + ?Sized)) -> Result<Account, Error> {
        let id = ServiceAccountId::random(rng);
        self.database.write(|connection| insert(connection, id, new, now))
    }

    /// An account by its id.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn account(&self, id: ServiceAccountId) -> Result<Option<Account>, Error> {
        let found = accounts::table.find(id.as_bytes().to_vec());
        self.database.read(|connection| found.first(connection).optional())
    }

    /// The account that names an account of the ledger.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn account_of(&self, ledger_account: AccountId) -> Result<Option<Account>, Error> {
        let named = accounts::table.filter(accounts::ledger_account.eq(Some(ledger_account.as_bytes().to_vec())));
        self.database.read(|connection| named.first(connection).optional())
    }

    /// Accounts, by id.
    ///
    /// # Errors
    /// [`Error::Page`] for a page of no rows or too many, [`Error::Database`] when the database fails.
    pub fn accounts(&self, after: Option<ServiceAccountId>, limit: usize) -> Result<AccountPage, Error> {
        if limit == 0 || limit > PAGE_ROWS_MAX {
            return Err(Error::Page { limit, limit_max: PAGE_ROWS_MAX });
        }
        let mut all = accounts::table.order(accounts::id).limit(signed(limit as u64 + 1)).into_boxed();
        if let Some(after) = after {
            all = all.filter(accounts::id.gt(after.as_bytes().to_vec()));
        }
        let mut items: Vec<Account> = self.database.read(|connection| all.load(connection))?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|account| account.id) } else { None };
        Ok(AccountPage { items, next })
    }

    /// Gives an account another name.
    ///
    /// # Errors
    /// [`Error::Account`] for a name out of bounds or an account that is not there, [`Error::Database`] when the database
    /// fails.
    pub fn rename(&self, id: ServiceAccountId, display_name: &str) -> Result<(), Error> {
        let name = self::display_name(display_name)?;
        let this = accounts::table.find(id.as_bytes().to_vec());
        let changed = self
            .database
            .write(|connection| Ok(update(this).set(accounts::display_name.eq(name)).execute(connection)?))?;
        if changed == 0 { Err(absent(id)) } else { Ok(()) }
    }

    /// Deletes an account with its sessions and credentials.
    ///
    /// # Errors
    /// [`Error::Account`] for an account that is not there, [`Error::Database`] when the database fails.
    pub fn delete(&self, id: ServiceAccountId) -> Result<(), Error> {
        let this = accounts::table.find(id.as_bytes().to_vec());
        let deleted = self.database.write(|connection| Ok(delete(this).execute(connection)?))?;
        if deleted == 0 { Err(absent(id)) } else { Ok(()) }
    }
}

/// Writes an account's row.
pub(super) fn insert(
    connection: &mut DatabaseConnection,
    id: ServiceAccountId,
    new: &NewAccount,
    now: Timestamp,
) -> Result<Account, Error> {
    let display_name = self::display_name(&new.display_name)?;
    let row = (
        accounts::id.eq(id.as_bytes().as_slice()),
        accounts::role.eq(new.role.name()),
        accounts::ledger_account.eq(new.ledger_account.map(|account| account.as_bytes().to_vec())),
        accounts::display_name.eq(&display_name),
        accounts::created.eq(signed(now.get())),
    );
    let insert = insert_into(accounts::table).values(row).on_conflict_do_nothing();
    if on_each!(connection, inner => insert.execute(inner))? == 0 {
        return Err(Error::Account { why: "its ledger account has an account here already; sign in to that".into() });
    }
    Ok(Account { id, role: new.role, ledger_account: new.ledger_account, display_name, created: now })
}

pub(super) fn absent(id: ServiceAccountId) -> Error {
    Error::Account { why: format!("{id} is not known here") }
}
