//! Whom visas are of, which identities are one person's, and which account of the ledger each was accredited with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use circuits::id::AccountId;
use serde::{Deserialize, Serialize};

use super::{CheckedVisa, VerifiedVisa, refused};
use crate::Error;

/// Identities that a register holds.
pub const IDENTITIES_MAX: usize = 1 << 20;
/// Identities that one visa links.
const LINKED_MAX: usize = 64;

/// A person as one issuer knows them: a visa's `iss` and `sub`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VisaIdentity {
    /// The issuer.
    pub iss: String,
    /// The person's name there, which it gives to nobody else.
    pub sub: String,
}

impl fmt::Display for VisaIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.sub, self.iss)
    }
}

/// The identities that a `LinkedIdentities` visa says are the same person's: `sub,iss` pairs, URI-encoded, with
/// semicolons between. A pair that cannot be read links nothing, and neither does what the researcher says of themselves
/// (`by` is `self`): anybody could link themselves to anybody.
#[must_use]
pub fn linked(visa: &VerifiedVisa) -> Vec<VisaIdentity> {
    if visa.object().kind != "LinkedIdentities" || visa.is_own_word() {
        return vec![];
    }
    let pairs = visa.object().value.split(';').take(LINKED_MAX).filter_map(|pair| pair.split_once(','));
    pairs.filter_map(|(sub, iss)| Some(VisaIdentity { sub: decoded(sub)?, iss: decoded(iss)? })).collect()
}

/// Percent-decoding (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (vec![], text.as_bytes().iter());
    while let Some(byte) = rest.next() {
        if *byte == b'%' {
            let digits = [*rest.next()?, *rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The identities of verified visas, those of one person together: what a visa links is joined.
pub(super) fn groups<'v>(visas: impl IntoIterator<Item = &'v VerifiedVisa>) -> Vec<BTreeSet<VisaIdentity>> {
    let mut people: Vec<BTreeSet<VisaIdentity>> = vec![];
    for visa in visas {
        let mut person: BTreeSet<_> = linked(visa).into_iter().chain([visa.identity().clone()]).collect();
        let (same, others) = people.into_iter().partition::<Vec<_>, _>(|known| !known.is_disjoint(&person));
        person.extend(same.into_iter().flatten());
        people = others;
        people.push(person);
    }
    people
}

/// The places of the accepted visas that are of an account of the ledger. One is, if a trusted issuer or the reader's own
/// register says so: the person's `sub` at some issuer of an accepted visa, or one that a `LinkedIdentities` visa links, is
/// `account:` and the account's 64 hex digits; or the register has one of the person's identities under the account.
#[must_use]
pub fn places_of_account(checked: &[CheckedVisa], register: &IdentityRegister, account: &AccountId) -> BTreeSet<usize> {
    let accepted = || checked.iter().filter_map(|visa| Some((visa.place, visa.outcome.as_ref().ok()?)));
    let (named, known) = (format!("account:{account}"), register.accounts().remove(account));
    let is_this =
        |identity: &VisaIdentity| identity.sub == named || known.is_some_and(|known| known.contains(identity));
    let people = groups(accepted().map(|(_, visa)| visa));
    let own: Vec<_> = people.iter().filter(|person| person.iter().any(is_this)).collect();
    let is_own = |visa: &VerifiedVisa| own.iter().any(|person| person.contains(visa.identity()));
    accepted().filter(|(_, visa)| is_own(visa)).map(|(place, _)| place).collect()
}

/// Which account each identity was accredited with, as a governor keeps it: one person gets one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityRegister(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    account: AccountId,
    identities: BTreeSet<VisaIdentity>,
}

impl IdentityRegister {
    /// Notes that identities of one person have an account.
    ///
    /// # Errors
    /// [`Error::Passport`] when one of them has another account already, or beyond [`IDENTITIES_MAX`].
    pub fn bind(&mut self, identities: &BTreeSet<VisaIdentity>, account: AccountId) -> Result<(), Error> {
        let other = self.0.iter().find(|entry| entry.account != account && !entry.identities.is_disjoint(identities));
        if let Some(entry) = other {
            let shared = entry.identities.intersection(identities).next().map(ToString::to_string).unwrap_or_default();
            let why = format!(
                "{shared} was accredited with account {} already; suspend that account and remove it from the register first",
                entry.account
            );
            return Err(refused(why));
        }
        let count: usize = self.0.iter().map(|entry| entry.identities.len()).sum();
        if count + identities.len() > IDENTITIES_MAX {
            return Err(refused(format!("a register holds at most {IDENTITIES_MAX} identities")));
        }
        match self.0.iter_mut().find(|entry| entry.account == account) {
            Some(entry) => entry.identities.extend(identities.iter().cloned()),
            None => self.0.push(Entry { account, identities: identities.clone() }),
        }
        Ok(())
    }

    /// The identities of each account.
    #[must_use]
    pub fn accounts(&self) -> BTreeMap<AccountId, &BTreeSet<VisaIdentity>> {
        self.0.iter().map(|entry| (entry.account, &entry.identities)).collect()
    }
}
