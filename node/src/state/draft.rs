//! Reading through a view; changing through a draft laid over it.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::StateKey;
use crate::Error;

/// State that can be read: a database snapshot, or a draft over one.
pub trait StateView {
    /// The value bytes under an encoded key.
    ///
    /// # Errors
    /// [`Error::Storage`] when the database fails.
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
}

/// Changes by encoded key, in key order; `None` removes.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StateChange(BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl StateChange {
    /// The changes in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// Applies a later change on top of this one.
    pub fn merge(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Whether a key's value is written or removed.
    ///
    /// # Errors
    /// As [`StateKey::encode`].
    pub(crate) fn touches(&self, key: &StateKey) -> Result<bool, Error> {
        Ok(self.0.contains_key(&key.encode()?))
    }

    /// Adds a written key.
    pub(crate) fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, Some(value));
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A change in the making: reads see it on top of the view below.
pub struct Draft<'a> {
    base: &'a dyn StateView,
    change: StateChange,
}

impl<'a> Draft<'a> {
    /// An empty draft over a view.
    #[must_use]
    pub fn new(base: &'a dyn StateView) -> Self {
        Self { base, change: StateChange::default() }
    }

    /// A draft that goes on from a change.
    #[must_use]
    pub const fn resume(base: &'a dyn StateView, change: StateChange) -> Self {
        Self { base, change }
    }

    /// Puts or removes a value by encoded key.
    pub(super) fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.change.0.insert(key, value);
    }

    /// Applies a finished change to this draft.
    pub fn merge(&mut self, change: StateChange) {
        self.change.merge(change);
    }

    /// The finished change.
    #[must_use]
    pub fn finish(self) -> StateChange {
        self.change
    }
}

impl StateView for Draft<'_> {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.change.0.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.bytes(key),
        }
    }
}
