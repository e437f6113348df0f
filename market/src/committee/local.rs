//! A committee whose members run in this process, each with its own key and folder.

use std::sync::Arc;

use circuits::id::AccountId;
use node::transaction::{MemberSignature, Receipt};
use rand::CryptoRng;

use super::{
    access::{CommitteeAccess, KeepCiphertext, SignAggregate},
    member::{Duty, Member},
};
use crate::{Error, ledger::LedgerAccess, objects::BlobAccess};

/// Members of one process, reached directly.
pub struct LocalCommittee {
    members: Vec<Member>,
    ledger: Arc<dyn LedgerAccess>,
    blobs: Arc<dyn BlobAccess>,
}

impl LocalCommittee {
    /// These members, on this ledger and store.
    #[must_use]
    pub const fn new(members: Vec<Member>, ledger: Arc<dyn LedgerAccess>, blobs: Arc<dyn BlobAccess>) -> Self {
        Self { members, ledger, blobs }
    }

    /// Lets every member do its duties once, in order, and says what they did.
    ///
    /// # Errors
    /// The first member's failure; the members before it are done.
    pub fn step(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Vec<(AccountId, Duty)>, Error> {
        let mut done = vec![];
        for member in &self.members {
            let duties = member.step(&*self.ledger, &*self.blobs, rng)?;
            done.extend(duties.into_iter().map(|duty| (member.account(), duty)));
        }
        Ok(done)
    }

    fn member(&self, account: AccountId, action: &'static str) -> Result<&Member, Error> {
        self.members.iter().find(|member| member.account() == account).ok_or_else(|| Error::Refused {
            who: format!("committee member {account}"),
            action,
            why: "it does not run in this process".into(),
        })
    }
}

impl CommitteeAccess for LocalCommittee {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, Error> {
        self.member(member, "keep a ciphertext")?.keep(&*self.ledger, &*self.blobs, request)
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, Error> {
        self.member(member, "sign an aggregate")?.sign(&*self.ledger, &*self.blobs, request)
    }
}
