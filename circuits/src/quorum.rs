//! The combinatorics of a `t`-of-`n` committee under replicated secret sharing.
//!
//! The decryption key is a sum of one secret per set `A` of `t - 1` members, and exactly the members *outside* `A`
//! hold that secret (Ito, Saito, Nishizeki 1987; Boneh et al. 2018, ePrint 2017/956, §4). So any `t - 1` members miss
//! the secret of their own set, and any `t` members hold them all.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{Error, id::Digest};

/// The most members a committee has.
pub const MEMBERS_MAX: u8 = 9;
/// The most subsets, and so components of a release: more would push the summed floods towards Δ/2.
pub const SUBSETS_MAX: usize = 36;
/// The smallest threshold outside tests: with 1, every member decrypts alone.
pub const THRESHOLD_MIN: u8 = 2;

const _: () = assert!(MEMBERS_MAX < 16, "a set of members is a u16 mask");
const _: () = assert!(SUBSETS_MAX <= u8::MAX as usize, "a subset index is a u8");

/// A member's place in its committee, from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MemberIndex(u8);

impl MemberIndex {
    /// The member at this place; whether a committee has it is [`Quorum::check_member`]'s question.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The place, from 0.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for MemberIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A `(t - 1)`-subset's place in [`Quorum::subsets`], from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SubsetIndex(u8);

impl SubsetIndex {
    /// The subset at this place; whether a quorum has it is [`Quorum::check_subset`]'s question.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The place, from 0.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for SubsetIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// `t` of `n`: any `t` members decrypt, any `t - 1` learn nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "QuorumWire")]
pub struct Quorum {
    threshold: u8,
    members: u8,
}

/// What an unchecked quorum looks like on the wire.
#[derive(BorshDeserialize, Deserialize)]
struct QuorumWire {
    threshold: u8,
    members: u8,
}

impl TryFrom<QuorumWire> for Quorum {
    type Error = Error;

    fn try_from(wire: QuorumWire) -> Result<Self, Error> {
        Self::new(wire.threshold, wire.members)
    }
}

impl BorshDeserialize for Quorum {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        QuorumWire::deserialize_reader(reader)?
            .try_into()
            .map_err(|error: Error| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, error))
    }
}

impl std::fmt::Display for Quorum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.threshold, self.members)
    }
}

impl Quorum {
    /// The default committee: it survives one absent member and names a lying one.
    pub const DEFAULT: Self = Self { threshold: 2, members: 4 };

    /// `threshold` of `members`.
    ///
    /// # Errors
    /// [`Error::Quorum`] unless `2 <= t`, `2t - 1 <= n <= 9` and `C(n, t - 1) <= 36`.
    pub fn new(threshold: u8, members: u8) -> Result<Self, Error> {
        if threshold < THRESHOLD_MIN {
            return Err(Error::Quorum { threshold, members, why: "a threshold below 2 lets one member decrypt alone" });
        }
        Self::checked(threshold, members)
    }

    /// `1` of `members`: every member decrypts alone. For tests of other parts only; it does not decode from a wire.
    ///
    /// # Errors
    /// [`Error::Quorum`] unless `1 <= n <= 9`.
    pub fn insecure_single_for_tests(members: u8) -> Result<Self, Error> {
        Self::checked(1, members)
    }

    fn checked(threshold: u8, members: u8) -> Result<Self, Error> {
        let refused = |why| Err(Error::Quorum { threshold, members, why });
        if members > MEMBERS_MAX {
            return refused("a committee has at most 9 members");
        }
        if u16::from(members) + 1 < 2 * u16::from(threshold) {
            return refused("accepting a component on t equal digests needs at least 2t - 1 members");
        }
        let quorum = Self { threshold, members };
        if quorum.masks().count() > SUBSETS_MAX {
            return refused("C(n, t - 1) is above 36, too many components for one release");
        }
        Ok(quorum)
    }

    /// `t`: how many members decrypt together, and how many equal digests accept a component.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// `n`: how many members there are.
    #[must_use]
    pub const fn members(&self) -> u8 {
        self.members
    }

    /// `n - t + 1`: how many availability receipts admit a contribution, and how many members hold each secret. Any
    /// `t` members include one that signed.
    #[must_use]
    pub const fn receipts_min(&self) -> u8 {
        self.members + 1 - self.threshold
    }

    /// Whether acceptance cannot be blocked by `t - 1` liars: `n >= 3t - 2`. Below it a release may end disputed.
    #[must_use]
    pub const fn names_liars(&self) -> bool {
        self.members + 2 >= 3 * self.threshold
    }

    /// `L = C(n, t - 1)`: how many subsets there are, and so components of a release.
    #[must_use]
    pub fn subset_count(&self) -> usize {
        self.masks().count()
    }

    /// Every member, in order.
    pub fn all_members(&self) -> impl Iterator<Item = MemberIndex> + use<> {
        (0..self.members).map(MemberIndex)
    }

    /// Every subset, in canonical order: ascending as a bit mask with member `i` at bit `i`.
    pub fn subsets(&self) -> impl Iterator<Item = SubsetIndex> + use<> {
        // At most SUBSETS_MAX masks, so the zip ends with them.
        self.masks().zip(0..=u8::MAX).map(|(_, index)| SubsetIndex(index))
    }

    /// The members *in* the subset `A`: those who do not hold its secret. Empty for a subset this quorum lacks.
    pub fn excluded(&self, subset: SubsetIndex) -> impl Iterator<Item = MemberIndex> + use<> {
        let mask = self.mask(subset);
        self.all_members().filter(move |member| mask.is_some_and(|mask| mask & (1 << member.0) != 0))
    }

    /// The members who hold the secret of `A`: all outside it. Empty for a subset this quorum lacks.
    pub fn holders(&self, subset: SubsetIndex) -> impl Iterator<Item = MemberIndex> + use<> {
        let mask = self.mask(subset);
        self.all_members().filter(move |member| mask.is_some_and(|mask| mask & (1 << member.0) == 0))
    }

    /// Whether the member holds the secret of `A`.
    #[must_use]
    pub fn is_holder(&self, member: MemberIndex, subset: SubsetIndex) -> bool {
        member.0 < self.members && self.mask(subset).is_some_and(|mask| mask & (1 << member.0) == 0)
    }

    /// The subsets whose secret the member holds, in order. Empty for a member this quorum lacks.
    pub fn subsets_of(&self, member: MemberIndex) -> impl Iterator<Item = SubsetIndex> + use<> {
        let quorum = *self;
        self.subsets().filter(move |subset| quorum.is_holder(member, *subset))
    }

    /// Who samples the secret of `A`: the smallest member outside it. `None` for a subset this quorum lacks.
    #[must_use]
    pub fn leader(&self, subset: SubsetIndex) -> Option<MemberIndex> {
        self.holders(subset).next()
    }

    /// The member, if the committee has it.
    ///
    /// # Errors
    /// [`Error::OutsideQuorum`] otherwise.
    pub fn check_member(&self, member: MemberIndex) -> Result<MemberIndex, Error> {
        if member.0 < self.members {
            Ok(member)
        } else {
            Err(Error::OutsideQuorum { what: "member", index: member.0, quorum: *self })
        }
    }

    /// The subset, if the quorum has it.
    ///
    /// # Errors
    /// [`Error::OutsideQuorum`] otherwise.
    pub fn check_subset(&self, subset: SubsetIndex) -> Result<SubsetIndex, Error> {
        match self.mask(subset) {
            Some(_) => Ok(subset),
            None => Err(Error::OutsideQuorum { what: "subset", index: subset.0, quorum: *self }),
        }
    }

    fn masks(self) -> impl Iterator<Item = u16> {
        let excluded = u32::from(self.threshold).saturating_sub(1);
        (0..1u16 << self.members).filter(move |mask| mask.count_ones() == excluded)
    }

    fn mask(&self, subset: SubsetIndex) -> Option<u16> {
        self.masks().nth(usize::from(subset.0))
    }
}

/// What the holders' digests of one component say so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// `t` holders agree, so at least one honest member computed this digest, and everyone who said otherwise lied.
    Accepted {
        /// The digest agreed on.
        digest: Digest,
        /// Holders who reported another digest, in order.
        liars: Vec<MemberIndex>,
    },
    /// Too few digests yet; those outstanding can still decide it.
    Pending,
    /// Even if every outstanding holder agreed with the largest group, `t` would not be reached: the release fails
    /// safe. Cannot happen when [`Quorum::names_liars`].
    Disputed,
}

/// Counts the holders' digests of one component; digests from members who do not hold `subset` do not count.
///
/// # Errors
/// [`Error::OutsideQuorum`] for a subset the quorum lacks.
pub fn accept(
    quorum: &Quorum,
    subset: SubsetIndex,
    votes: &BTreeMap<MemberIndex, Digest>,
) -> Result<Acceptance, Error> {
    quorum.check_subset(subset)?;
    let threshold = usize::from(quorum.threshold);
    let mut counts: BTreeMap<Digest, usize> = BTreeMap::new();
    let (mut largest, mut outstanding) = (0, 0);
    for holder in quorum.holders(subset) {
        let Some(digest) = votes.get(&holder) else {
            outstanding += 1;
            continue;
        };
        let count = counts.entry(*digest).or_default();
        *count += 1;
        largest = largest.max(*count);
    }
    // With n <= 2t a second group of t does not fit among n - t + 1 holders; with more holders two groups of t would
    // need t liars, outside the trust assumption, and the smaller digest wins deterministically.
    if let Some((digest, _)) = counts.iter().find(|(_, count)| **count >= threshold) {
        let lied = |holder: &MemberIndex| votes.get(holder).is_some_and(|vote| vote != digest);
        return Ok(Acceptance::Accepted { digest: *digest, liars: quorum.holders(subset).filter(lied).collect() });
    }
    Ok(if largest + outstanding < threshold { Acceptance::Disputed } else { Acceptance::Pending })
}

#[cfg(test)]
mod tests;
