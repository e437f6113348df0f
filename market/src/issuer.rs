//! Certification: an accredited issuer vouches for what it measured, without learning the owner's nullifier key.
//!
//! The owner's wallet makes an [`Enrolment`]; the issuer, who has the measurements, builds the hiding commitment from
//! both and registers it; the wallet then takes the measurements and checks that the ledger registered exactly them.

use circuits::{
    consent::ConsentTerms,
    id::{AccountId, BodyCommitment, ConsentCommitment, Digest, SchemaId, field_from_bytes},
    record::{Attributes, Genotypes, Record, body_commitment},
};
use node::{
    state::StateRead,
    transaction::{Action, ChangeConsent, RegisterRecord},
    units::LeafIndex,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    ledger::{Inclusion, LedgerAccess, act, act_all, next_nonce},
    wallet::{PartyKey, Wallet},
};

/// What an issuer measured of a person, under a registered schema. Plaintext: it goes to the person and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurements {
    /// The schema that gives the values their meaning.
    pub schema: SchemaId,
    /// Attribute values.
    pub attributes: Attributes,
    /// Dosages over the schema's panel.
    pub genotypes: Genotypes,
}

/// What an owner gives an issuer to be certified: commitments only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The owner's pseudonymous account.
    pub owner: AccountId,
    /// Commitment to the owner's terms.
    pub consent: ConsentCommitment,
    /// Commitment to the owner's nullifier key, a canonical field element in little-endian bytes.
    pub nullifier_key: Digest,
    /// The owner's earlier record from the same issuer that this one replaces, when a key is rotated.
    pub replaces: Option<LeafIndex>,
}

/// A certified record's place on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The issuer.
    pub issuer: AccountId,
    /// The hiding commitment.
    pub body: BodyCommitment,
    /// The leaf. It counts from the ledger's next epoch.
    pub leaf: LeafIndex,
}

/// The commitment that an issuer registers for measurements and an enrolment.
///
/// # Errors
/// [`Error::Statement`] when the enrolment's key commitment is not canonical.
pub fn body(issuer: AccountId, measured: &Measurements, enrolment: &Enrolment) -> Result<BodyCommitment, Error> {
    let key = field_from_bytes("nullifier key commitment", enrolment.nullifier_key.as_bytes())?;
    let (attributes, genotypes) = (measured.attributes.commitment(), measured.genotypes.root());
    Ok(body_commitment(&measured.schema, &issuer, attributes, genotypes, key))
}

/// Certifies people's records, in order. A record that is registered already keeps its leaf, so that a repeated call
/// registers nobody twice.
///
/// # Errors
/// [`Error::Ledger`] with the ledger's refusal: an unknown schema, an issuer that is not accredited, or an enrolment
/// that would replace another owner's record.
pub fn certify(
    ledger: &dyn LedgerAccess,
    issuer: &PartyKey,
    people: &[(Measurements, Enrolment)],
) -> Result<Vec<Certificate>, Error> {
    let account = issuer.account();
    let mut bodies = vec![];
    let mut actions = vec![];
    for (measured, enrolment) in people {
        let unknown = || node::Error::Unknown { what: "schema", id: measured.schema.to_string() };
        ledger.schema(measured.schema)?.ok_or_else(unknown)?.check_attributes(&measured.attributes)?;
        let body = body(account, measured, enrolment)?;
        bodies.push(body);
        if ledger.body(body)?.is_none() {
            let Enrolment { owner, consent, replaces, .. } = *enrolment;
            actions.push(Action::RegisterRecord(RegisterRecord { body, consent, owner, replaces }));
        }
    }
    act_all(ledger, &issuer.signing_key(), actions)?;
    let certificate = |body: BodyCommitment| {
        let missing = || node::Error::Unknown { what: "record body", id: body.to_string() };
        Ok(Certificate { issuer: account, body, leaf: ledger.body(body)?.ok_or_else(missing)? })
    };
    bodies.into_iter().map(certificate).collect()
}

/// Puts certified measurements into their owner's wallet, once the ledger shows that they were registered for it.
///
/// # Errors
/// [`Error::Refused`] when the ledger registered other measurements, another owner or other terms.
pub fn receive(
    ledger: &dyn LedgerAccess,
    wallet: &mut Wallet,
    enrolment: &Enrolment,
    measured: Measurements,
    certificate: &Certificate,
) -> Result<(), Error> {
    let refuse = |why: &str| {
        let action = "take this certificate";
        Error::Refused { who: format!("the wallet of {}", enrolment.owner), action, why: why.into() }
    };
    let registration = ledger.registration(certificate.leaf)?;
    let registration = registration.ok_or_else(|| refuse("the ledger has no such leaf; wait for its block"))?;
    let secret = wallet.pending(enrolment).ok_or_else(|| refuse("it made no such enrolment"))?;
    let record = Record {
        schema: measured.schema,
        issuer: registration.issuer,
        attributes: measured.attributes,
        genotypes: measured.genotypes,
        nullifier_key: secret.nullifier_key.clone(),
    };
    if record.body() != registration.body {
        return Err(refuse("the ledger registered other measurements; ask the issuer for those it certified"));
    }
    if registration.owner != enrolment.owner || registration.consent != enrolment.consent {
        return Err(refuse("the ledger registered another owner or other terms; have the issuer certify again"));
    }
    wallet.complete(enrolment, record, certificate.leaf, registration.registration_epoch)
}

/// Sets new terms for a record of the wallet. They count from the ledger's next epoch; until then the agent answers
/// no query with that record.
///
/// # Errors
/// [`Error::Refused`] for a record without a leaf, [`Error::Ledger`] with the ledger's refusal.
pub fn change_consent(
    ledger: &dyn LedgerAccess,
    wallet: &mut Wallet,
    record: usize,
    terms: ConsentTerms,
) -> Result<Inclusion, Error> {
    let change = ChangeConsent { record: leaf_of(wallet, record)?, consent: terms.commitment() };
    // A ledger that is away is found out while the wallet has the terms before.
    next_nonce(ledger, &wallet.owner_key())?;
    // The wallet first: terms that only the ledger knows could never be opened again.
    let earlier = wallet.replace_consent(record, terms)?;
    match act(ledger, &wallet.owner_key(), Action::ChangeConsent(change)) {
        // Only a certain refusal takes the terms back: after a lost answer the ledger may hold the new ones.
        Err(Error::Ledger(error)) if error.is_refusal() => {
            wallet.replace_consent(record, earlier)?;
            Err(error.into())
        }
        other => other,
    }
}

/// Revokes a record for ever. No proof can use it from the ledger's next epoch on.
///
/// # Errors
/// As [`change_consent`].
pub fn revoke(ledger: &dyn LedgerAccess, wallet: &Wallet, record: usize) -> Result<Inclusion, Error> {
    act(ledger, &wallet.owner_key(), Action::RevokeConsent(leaf_of(wallet, record)?))
}

fn leaf_of(wallet: &Wallet, record: usize) -> Result<LeafIndex, Error> {
    wallet.holdings().get(record).map(|holding| holding.leaf).ok_or_else(|| Error::Refused {
        who: "the wallet".into(),
        action: "change a record's consent",
        why: format!("it holds no record {record}; {} are there, counted from 0", wallet.holdings().len()),
    })
}
