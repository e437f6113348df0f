//! Committee members across the network, each at its own address.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use borsh::BorshSerialize;
use circuits::id::AccountId;
use market::committee::access::{CommitteeAccess, KeepCiphertext, Patience, SignAggregate};
use node::transaction::{MemberSignature, Receipt};
use serde::de::DeserializeOwned;

use super::Remote;
use crate::Error;

/// How often whoever waits for a member looks whether patience is over.
const PATIENCE_POLL_TIME: Duration = Duration::from_millis(20);
/// Asks a member to keep a ciphertext.
pub(super) const KEEP: (&str, &str) = ("keep the ciphertext", "/v1/receipts");
/// Asks a member to sign an aggregate.
pub(super) const SIGN: (&str, &str) = ("sign the aggregate", "/v1/signatures");

/// Committee members' addresses, by account.
#[derive(Debug, Clone, Default)]
pub struct RemoteCommittee {
    members: BTreeMap<AccountId, Remote>,
}

impl RemoteCommittee {
    /// The members at these addresses.
    #[must_use]
    pub const fn new(members: BTreeMap<AccountId, Remote>) -> Self {
        Self { members }
    }

    /// What a member is asked: its address, and the request's bytes.
    fn prepare(
        &self,
        member: AccountId,
        action: &'static str,
        request: &impl BorshSerialize,
    ) -> Result<(Remote, Vec<u8>), market::Error> {
        let Some(remote) = self.members.get(&member) else {
            return Err(refused(member, action, "its address is not known; give one for each member"));
        };
        let body = borsh::to_vec(request).map_err(|error| refused(member, action, error.to_string()))?;
        Ok((remote.clone(), body))
    }

    fn ask<T: DeserializeOwned>(
        &self,
        member: AccountId,
        (action, path): (&'static str, &str),
        request: &impl BorshSerialize,
    ) -> Result<T, market::Error> {
        let (remote, body) = self.prepare(member, action, request)?;
        answered(member, action, remote.post(path, &body))
    }
}

pub(super) fn refused(member: AccountId, action: &'static str, why: impl Into<String>) -> market::Error {
    market::Error::Refused { who: format!("committee member {member}"), action, why: why.into() }
}

fn answered<T>(member: AccountId, action: &'static str, answer: Result<T, Error>) -> Result<T, market::Error> {
    answer.map_err(|error| match error {
        Error::Remote { problem, .. } => refused(member, action, problem.detail),
        error => refused(member, action, error.to_string()),
    })
}

impl CommitteeAccess for RemoteCommittee {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, market::Error> {
        self.ask(member, KEEP, request)
    }

    /// A call that is given up on goes on in a thread of its own until its time is over; nobody hears of its end.
    fn keep_within(
        &self,
        member: AccountId,
        request: &KeepCiphertext,
        patience: &Patience,
    ) -> Result<Receipt, market::Error> {
        let (action, path) = KEEP;
        let (remote, body) = self.prepare(member, action, request)?;
        let (tell, told) = mpsc::channel();
        let call = move || drop(tell.send(remote.post(path, &body)));
        thread::Builder::new().spawn(call).map_err(|error| refused(member, action, error.to_string()))?;
        loop {
            match told.recv_timeout(PATIENCE_POLL_TIME) {
                Ok(answer) => return answered(member, action, answer),
                Err(RecvTimeoutError::Timeout) if !patience.is_over() => {}
                Err(_) => return Err(refused(member, action, "it did not answer in time, and others did")),
            }
        }
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, market::Error> {
        self.ask(member, SIGN, request)
    }
}
