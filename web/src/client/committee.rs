//! Committee members across the network, each at its own address.

use std::collections::BTreeMap;

use borsh::BorshSerialize;
use circuits::quorum::MemberIndex;
use market::committee::access::{CommitteeAccess, KeepCiphertext, SignAggregate};
use node::transaction::{MemberSignature, Receipt};
use serde::de::DeserializeOwned;

use super::Remote;
use crate::Error;

/// Committee members by the address of each.
#[derive(Debug, Clone, Default)]
pub struct RemoteCommittee {
    members: BTreeMap<MemberIndex, Remote>,
}

impl RemoteCommittee {
    /// The members at these addresses.
    #[must_use]
    pub const fn new(members: BTreeMap<MemberIndex, Remote>) -> Self {
        Self { members }
    }

    fn ask<T: DeserializeOwned>(
        &self,
        member: MemberIndex,
        action: &'static str,
        path: &str,
        request: &impl BorshSerialize,
    ) -> Result<T, market::Error> {
        let refused = |why: String| market::Error::Refused { who: format!("committee member {member}"), action, why };
        let Some(remote) = self.members.get(&member) else {
            return Err(refused("its address is not known; give one for each member".into()));
        };
        let body = borsh::to_vec(request).map_err(|error| refused(error.to_string()))?;
        remote.post(path, &body).map_err(|error| match error {
            Error::Remote { problem, .. } => refused(problem.detail),
            error => refused(error.to_string()),
        })
    }
}

impl CommitteeAccess for RemoteCommittee {
    fn keep(&self, member: MemberIndex, request: &KeepCiphertext) -> Result<Receipt, market::Error> {
        self.ask(member, "keep the ciphertext", "/v1/receipts", request)
    }

    fn sign(&self, member: MemberIndex, request: &SignAggregate) -> Result<MemberSignature, market::Error> {
        self.ask(member, "sign the aggregate", "/v1/signatures", request)
    }
}
