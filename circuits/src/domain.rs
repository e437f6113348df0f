//! Every domain separator and the protocol version, in one place.
//!
//! Two hashes with different meanings never share an input: each begins with one of these tags. Poseidon uses a
//! [`FieldTag`] as its first input, SHA-256 a [`ByteTag`] as its length-prefixed first part. Changing a tag or the
//! version changes every key and every commitment.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use sha2::{Digest as _, Sha256};

use crate::id::Digest;

/// The version every chain id, tag and encoding belongs to.
pub const PROTOCOL_VERSION: u16 = 1;

macro_rules! tags {
    ($(#[$meta:meta])* $name:ident { $($(#[$tag_meta:meta])* $tag:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$tag_meta])* $tag),* }

        impl $name {
            /// All tags, for the test that they are distinct.
            pub const ALL: &'static [Self] = &[$(Self::$tag),*];

            /// The tag's text, unique over the whole protocol.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$tag => concat!("locus/v1/", $text)),* }
            }
        }
    };
}

tags! {
    /// First input of a Poseidon hash.
    FieldTag {
        /// The 32 attributes of a record.
        Attributes = "attributes",
        /// One window of 1,024 packed dosages.
        Window = "window",
        /// An inner node of the genotype tree.
        GenotypeNode = "genotype-node",
        /// Commitment to the owner's nullifier key.
        NullifierKey = "nullifier-key",
        /// Hiding commitment to a record.
        Body = "body",
        /// Hiding commitment to consent terms.
        Consent = "consent",
        /// A leaf of the registration tree.
        Leaf = "leaf",
        /// An inner node of the registration tree.
        Node = "node",
        /// Per-query, per-part nullifier.
        Nullifier = "nullifier",
        /// Per-query nullifier of a screening proof, which nothing links to a contribution.
        ScreeningNullifier = "screening-nullifier",
        /// Nullifier of an `Exact` release's scope.
        ScopeNullifier = "scope-nullifier",
    }
}

tags! {
    /// First part of a SHA-256 or XOF input.
    ByteTag {
        /// Chain id of a genesis.
        Chain = "chain",
        /// Reduction of bytes to a field element.
        ToField = "to-field",
        /// Id of a schema.
        Schema = "schema",
        /// Id of a study.
        Study = "study",
        /// Id of a query.
        Query = "query",
        /// What an `Exact` query measures.
        Measure = "measure",
        /// What a contribution's proof binds: query, part, payout key, ciphertext digest, chain.
        Binding = "binding",
        /// Id of a verifying key.
        VerifyingKey = "verifying-key",
        /// Factors that combine the equations of many proofs.
        Batch = "batch",
        /// What a contribution's challenges are drawn from.
        Challenge = "challenge",
        /// Seed of insecure set-up randomness.
        InsecureSetup = "insecure-setup",
        /// A signed ledger transaction.
        Transaction = "transaction",
        /// Leaf of a block's transaction tree.
        TransactionLeaf = "transaction-leaf",
        /// Inner node of a block's transaction tree.
        TransactionNode = "transaction-node",
        /// A block header.
        Header = "header",
        /// The validators of a height.
        ValidatorSet = "validator-set",
        /// A validator's vote on a block, or its proposal of one.
        Ballot = "ballot",
        /// A change that validators vote on.
        ConsortiumChange = "consortium-change",
        /// A proposed block's parts on the network.
        BlockPart = "block-part",
        /// A key of the authenticated state.
        StateKey = "state-key",
        /// A committee member's availability receipt.
        AvailabilityReceipt = "availability-receipt",
        /// Digest of a packed ciphertext.
        Ciphertext = "ciphertext",
        /// Digest of an aggregate.
        Aggregate = "aggregate",
        /// A member's signature of an aggregate digest.
        AggregateSignature = "aggregate-signature",
        /// Digest of an opened component.
        Component = "component",
        /// Digest of a sealed component.
        SealedComponent = "sealed-component",
        /// The public polynomial `a` of a committee epoch.
        CommonPolynomial = "common-polynomial",
        /// Digest of a key share's public polynomial `b_A`.
        PublicShare = "public-share",
        /// Commitment to a subset's PRF key.
        PrfCommitment = "prf-commitment",
        /// The PRF of a subset: floods and sealing randomness.
        ComponentPrf = "component-prf",
        /// Digest of a committee's public key.
        CommitteeKey = "committee-key",
        /// Key derivation and associated data of a sealed message.
        Sealing = "sealing",
        /// A message of the distributed key generation.
        KeyGeneration = "key-generation",
        /// A file of powers of tau, and the start of its transcript.
        CeremonyPowers = "ceremony-powers",
        /// A file of a key in the making, and the start of its transcript.
        CeremonyKey = "ceremony-key",
        /// A circuit, as its matrices.
        CeremonyCircuit = "ceremony-circuit",
        /// What a contribution's proofs of knowledge are made for.
        CeremonyContribution = "ceremony-contribution",
        /// The chain of contributions.
        CeremonyTranscript = "ceremony-transcript",
        /// The point that shows knowledge of a factor.
        CeremonyBase = "ceremony-base",
        /// The factors of a beacon.
        CeremonyBeacon = "ceremony-beacon",
        /// A blob's content address.
        Blob = "blob",
        /// What a query asks, which a study may register before it asks.
        Analysis = "analysis",
        /// Id of a dataset.
        Dataset = "dataset",
        /// Id of a licence.
        Licence = "licence",
        /// Id of a withdrawal of money.
        Withdrawal = "withdrawal",
        /// Id of a screening.
        Screening = "screening",
        /// The one-time key that an invitation is sealed to, as a screening proof binds it.
        ReplyKey = "reply-key",
        /// The one-time key that a query pays, derived from its owner's secret.
        PayoutSeed = "payout-seed",
        /// The one-time key that a screening pays and that answers an invitation, derived likewise.
        ReplySeed = "reply-seed",
        /// The one-time key that opens an invitation, derived likewise.
        InvitationSeed = "invitation-seed",
        /// The secret of a session's token, as the service keeps it.
        Session = "session",
        /// A browser's name of itself, as the service keeps it.
        UserAgent = "user-agent",
        /// The token of a ceremony that lets somebody in, as the service keeps it, and what is derived from it.
        Ceremony = "ceremony",
        /// What a form carries to show that a page of its session made it.
        FormToken = "form-token",
        /// A challenge that a key of the ledger signs to be let in to a service's pages.
        SignIn = "sign-in",
        /// The encrypted body of a genome.
        Genome = "genome",
        /// An invitation: the digest of a sealed one, what it is sealed for, and its sealing's randomness.
        Invitation = "invitation",
        /// A contact: the digest of a sealed one, and what it is sealed for.
        Contact = "contact",
        /// The number of a disease's code.
        Disease = "disease",
        /// A passport that an account presents.
        PassportPresentation = "passport-presentation",
    }
}

impl FieldTag {
    /// The tag as a field element: its text through [`bytes_to_field`].
    #[must_use]
    pub fn element(self) -> Fr {
        bytes_to_field(self.text().as_bytes())
    }
}

/// SHA-256 over a tag and parts, each preceded by its length as a little-endian u64, so that no two lists of parts
/// share an encoding (FIPS 180-4).
#[must_use]
pub fn hash(tag: ByteTag, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    absorb(&mut hasher, tag, parts);
    Digest::from_bytes(hasher.finalize().into())
}

fn absorb(hasher: &mut Sha256, tag: ByteTag, parts: &[&[u8]]) {
    for part in std::iter::once(tag.text().as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
}

/// [`hash`] of a last part that comes in pieces. Its length precedes it, so it must be known before.
#[derive(Debug, Clone)]
pub struct PieceHasher {
    hasher: Sha256,
    expected_bytes: u64,
    seen_bytes: u64,
}

impl PieceHasher {
    /// Begins with a tag, the parts before the last, and the last one's length.
    #[must_use]
    pub fn new(tag: ByteTag, parts: &[&[u8]], last_bytes: u64) -> Self {
        let mut hasher = Sha256::new();
        absorb(&mut hasher, tag, parts);
        hasher.update(last_bytes.to_le_bytes());
        Self { hasher, expected_bytes: last_bytes, seen_bytes: 0 }
    }

    /// Takes the next piece of the last part.
    pub fn update(&mut self, piece: &[u8]) {
        self.seen_bytes = self.seen_bytes.saturating_add(piece.len() as u64);
        self.hasher.update(piece);
    }

    /// The digest; `None` when the pieces are not as long as was said.
    #[must_use]
    pub fn finish(self) -> Option<Digest> {
        (self.seen_bytes == self.expected_bytes).then(|| Digest::from_bytes(self.hasher.finalize().into()))
    }
}

/// SHA-256 of the bytes, tagged, reduced to the scalar field. The bias of the reduction is below 2^-2 of a digest
/// and irrelevant to collision resistance.
#[must_use]
pub fn bytes_to_field(bytes: &[u8]) -> Fr {
    Fr::from_be_bytes_mod_order(hash(ByteTag::ToField, &[bytes]).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_tags_share_a_text() {
        let field = FieldTag::ALL.iter().map(|tag| tag.text());
        let byte = ByteTag::ALL.iter().map(|tag| tag.text());
        let texts: Vec<_> = field.chain(byte).collect();
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    }

    #[test]
    fn pieces_hash_as_the_part_they_make() {
        let mut pieces = PieceHasher::new(ByteTag::Blob, &[b"ab"], 3);
        pieces.update(b"c");
        assert_eq!(pieces.clone().finish(), None);
        pieces.update(b"de");
        assert_eq!(pieces.clone().finish(), Some(hash(ByteTag::Blob, &[b"ab", b"cde"])));
        pieces.update(b"f");
        assert_eq!(pieces.finish(), None);
    }

    #[test]
    fn moving_a_byte_between_parts_changes_the_hash() {
        assert_ne!(hash(ByteTag::Blob, &[b"ab", b"c"]), hash(ByteTag::Blob, &[b"a", b"bc"]));
    }
}
