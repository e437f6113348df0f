//! Components of a release: `c1·s_A + flood_A` for each subset, and noise when it is private, alike for every holder of
//! `A`.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize, io};
use circuits::{
    domain::{self, ByteTag},
    id::{ChainId, Digest, QueryId},
    privacy::SlotNoise,
    quorum::SubsetIndex,
    rlwe::{
        Aggregate, Coefficient, KeyEpoch,
        params::{COEFFICIENT_BYTES, CONTROL_SLOTS, LAYOUT_SLOTS},
    },
};
use zeroize::Zeroizing;

use super::{
    flood::{Floods, sealing_randomness},
    member_key::{MemberKey, SubsetSecret},
    noise::SlotNoises,
};
use crate::{
    Error,
    sealing::{self, SEALED_OVERHEAD_BYTES, SealingContext, SealingPublicKey, SealingSecretKey},
};

/// Bytes of the largest component: subset, slot count and coefficients.
pub const COMPONENT_BYTES_MAX: usize = 1 + 2 + (LAYOUT_SLOTS + CONTROL_SLOTS) * COEFFICIENT_BYTES;
/// Bytes of the largest sealed component.
pub const SEALED_COMPONENT_BYTES_MAX: usize = COMPONENT_BYTES_MAX + SEALED_OVERHEAD_BYTES;

/// Which release a component belongs to. Everything a component derives from is here, except the subset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseContext {
    chain: ChainId,
    epoch: KeyEpoch,
    query: QueryId,
    part: u8,
    aggregate: Digest,
    slots_used: u16,
    /// The noise of each component, which the query's id fixes with its terms; none for an exact release.
    noise: Option<SlotNoise>,
}

impl ReleaseContext {
    /// The exact release of a query's part under an epoch's key, of the aggregate with this digest, whose layout uses
    /// `slots_used` slots.
    ///
    /// # Errors
    /// [`Error::Release`] unless `1 <= slots_used <= 4032`.
    pub fn new(
        (chain, epoch): (ChainId, KeyEpoch),
        (query, part): (QueryId, u8),
        aggregate: Digest,
        slots_used: u16,
    ) -> Result<Self, Error> {
        if (1..=LAYOUT_SLOTS).contains(&usize::from(slots_used)) {
            return Ok(Self { chain, epoch, query, part, aggregate, slots_used, noise: None });
        }
        let why = format!("a layout uses 1 to {LAYOUT_SLOTS} slots, not {slots_used}");
        Err(Error::Release { query, part, why })
    }

    /// The same release with noise in each component.
    #[must_use]
    pub fn with_noise(self, noise: Option<SlotNoise>) -> Self {
        Self { noise, ..self }
    }

    /// The noise of each component; none for an exact release.
    #[must_use]
    pub const fn noise(&self) -> Option<&SlotNoise> {
        self.noise.as_ref()
    }

    /// Digest of the aggregate that is released.
    #[must_use]
    pub const fn aggregate(&self) -> &Digest {
        &self.aggregate
    }

    /// How many slots the layout uses, from slot 0.
    #[must_use]
    pub fn slots_used(&self) -> usize {
        self.slots_used.into()
    }

    /// Whether a release opens this slot: the layout's and the control slots do, others stay closed.
    pub(super) fn is_released(&self, slot: usize) -> bool {
        slot < self.slots_used() || slot >= LAYOUT_SLOTS
    }

    /// How many slots a release opens.
    pub(super) fn released_count(&self) -> usize {
        self.slots_used() + CONTROL_SLOTS
    }

    /// A refusal in this release.
    pub(crate) fn refused(&self, why: String) -> Error {
        Error::Release { query: self.query, part: self.part, why }
    }

    /// The canonical bytes that name the decrypted sum. A slot's flood derives from these alone, so that even a
    /// release of other slots of the same sum would repeat it. Fixed length.
    fn sum_name(&self) -> Vec<u8> {
        [
            self.chain.as_bytes().as_slice(),
            &self.epoch.get().to_le_bytes(),
            self.query.as_bytes(),
            &[self.part],
            self.aggregate.as_bytes(),
        ]
        .concat()
    }

    /// The canonical bytes that name the release, its slots included. Fixed length.
    fn name(&self) -> Vec<u8> {
        [self.sum_name().as_slice(), &self.slots_used.to_le_bytes()].concat()
    }

    /// Checks that an aggregate is the one released.
    pub(super) fn check_aggregate(&self, aggregate: &Aggregate) -> Result<(), Error> {
        let given = aggregate.digest();
        if given == self.aggregate {
            return Ok(());
        }
        Err(self.refused(format!("aggregate {given} is not the {} of this release; recompute the sum", self.aggregate)))
    }
}

/// An opened component: the coefficients of `c1·s_A + flood_A` in the released slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    subset: SubsetIndex,
    /// The layout's slots in order, then the control slots.
    coefficients: Vec<Coefficient>,
}

impl Component {
    /// Whose secret it used.
    #[must_use]
    pub const fn subset(&self) -> SubsetIndex {
        self.subset
    }

    /// The layout's slots in order, then the 64 control slots.
    #[must_use]
    pub fn coefficients(&self) -> &[Coefficient] {
        &self.coefficients
    }

    /// The digest of the opened component in its release.
    #[must_use]
    pub fn digest(&self, context: &ReleaseContext) -> Digest {
        domain::hash(
            ByteTag::Component,
            &[&context.name(), &[self.subset.get()], &Coefficient::pack(&self.coefficients)],
        )
    }
}

impl BorshSerialize for Component {
    /// Subset, number of layout slots as a little-endian u16, packed coefficients.
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let slots = u16::try_from(self.coefficients.len().saturating_sub(CONTROL_SLOTS))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        BorshSerialize::serialize(&(self.subset, slots), writer)?;
        writer.write_all(&Coefficient::pack(&self.coefficients))
    }
}

impl BorshDeserialize for Component {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (subset, slots): (SubsetIndex, u16) = BorshDeserialize::deserialize_reader(reader)?;
        let slots = usize::from(slots);
        if !(1..=LAYOUT_SLOTS).contains(&slots) {
            let why = format!("a component has 1 to {LAYOUT_SLOTS} layout slots, not {slots}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let count = slots + CONTROL_SLOTS;
        let mut bytes = vec![0; count * COEFFICIENT_BYTES];
        reader.read_exact(&mut bytes)?;
        let coefficients = Coefficient::unpack("component", &bytes, count)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Self { subset, coefficients })
    }
}

const _: () = assert!(COMPONENT_BYTES_MAX <= sealing::SEALED_PLAINTEXT_BYTES_MAX, "every component can be sealed");

/// A component sealed to the researcher. All holders of the subset produce the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedComponent {
    /// Whose secret it used.
    pub subset: SubsetIndex,
    /// Sealed bytes, at most [`SEALED_COMPONENT_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

impl SealedComponent {
    /// The digest that members post and the ledger compares.
    #[must_use]
    pub fn digest(&self, context: &ReleaseContext) -> Digest {
        domain::hash(ByteTag::SealedComponent, &[&context.name(), &[self.subset.get()], &self.bytes])
    }
}

/// The component of one subset that the member holds.
///
/// Only for a release whose conditions the member has checked, over an aggregate it has recomputed itself.
///
/// # Errors
/// [`Error::Release`] for another chain's, epoch's or aggregate's release, or a subset whose secret the member lacks.
pub fn component(
    key: &MemberKey,
    aggregate: &Aggregate,
    context: &ReleaseContext,
    subset: SubsetIndex,
) -> Result<Component, Error> {
    check_release(key, aggregate, context)?;
    compute(held(key, context, subset)?, aggregate, context, subset)
}

/// Every component the member holds, sealed to the researcher with randomness that all holders derive alike.
///
/// # Errors
/// As [`component`].
pub fn sealed_components(
    key: &MemberKey,
    aggregate: &Aggregate,
    context: &ReleaseContext,
    researcher: &SealingPublicKey,
) -> Result<BTreeMap<SubsetIndex, SealedComponent>, Error> {
    check_release(key, aggregate, context)?;
    let seal = |subset| {
        let secret = held(key, context, subset)?;
        let opened = compute(secret, aggregate, context, subset)?;
        Ok((subset, seal(secret, &opened, context, researcher)?))
    };
    key.quorum().subsets_of(key.member()).map(seal).collect()
}

/// Opens a component, which must be of this release.
///
/// # Errors
/// [`Error::Sealing`] when it does not open and [`Error::Release`] when it is of another shape or subset.
pub fn open_component(
    researcher: &SealingSecretKey,
    context: &ReleaseContext,
    sealed: &SealedComponent,
) -> Result<Component, Error> {
    if sealed.bytes.len() > SEALED_COMPONENT_BYTES_MAX {
        let why = format!("sealed component {} is longer than {SEALED_COMPONENT_BYTES_MAX} bytes", sealed.subset);
        return Err(context.refused(why));
    }
    let bytes = sealing::open(researcher, &sealing_context(context, sealed.subset), &sealed.bytes)?;
    let malformed = |error| context.refused(format!("component {} is malformed: {error}", sealed.subset));
    let component: Component = borsh::from_slice(&bytes).map_err(malformed)?;
    if component.subset != sealed.subset || component.coefficients.len() != context.released_count() {
        return Err(context.refused(format!("component {} is not of this release's shape", sealed.subset)));
    }
    Ok(component)
}

fn check_release(key: &MemberKey, aggregate: &Aggregate, context: &ReleaseContext) -> Result<(), Error> {
    if *key.chain() != context.chain || key.epoch() != context.epoch {
        let why = format!("the key is of epoch {} and its chain, the release of epoch {}", key.epoch(), context.epoch);
        return Err(context.refused(why));
    }
    context.check_aggregate(aggregate)
}

fn held<'k>(key: &'k MemberKey, context: &ReleaseContext, subset: SubsetIndex) -> Result<&'k SubsetSecret, Error> {
    key.secret(subset).ok_or_else(|| {
        context.refused(format!("member {} lacks the secret of subset {subset}; ask a holder", key.member()))
    })
}

/// `c1·s_A + flood_A` in the released slots, and `Δ·noise_A` in those of the layout when the release is private.
fn compute(
    secret: &SubsetSecret,
    aggregate: &Aggregate,
    context: &ReleaseContext,
    subset: SubsetIndex,
) -> Result<Component, Error> {
    // Without its flood the product gives the share away.
    let product = Zeroizing::new(aggregate.c1().times(&secret.share));
    let (sum_name, place) = (context.sum_name(), [subset.get()]);
    let name: [&[u8]; 2] = [&sum_name, &place];
    let mut floods = Floods::new(&secret.prf_key, &name);
    let noises = context.noise().map(|noise| SlotNoises::new(&secret.prf_key, &name, noise));
    let noise = |slot| match &noises {
        Some(noises) if slot < LAYOUT_SLOTS => noises.at(slot),
        _ => Ok(Coefficient::default()),
    };
    let released = product.coefficients().enumerate().filter(|(slot, _)| context.is_released(*slot));
    let coefficients = released.map(|(slot, exact)| Ok(exact.plus(floods.at(slot)).plus(noise(slot)?)));
    Ok(Component { subset, coefficients: coefficients.collect::<Result<_, Error>>()? })
}

fn seal(
    secret: &SubsetSecret,
    component: &Component,
    context: &ReleaseContext,
    researcher: &SealingPublicKey,
) -> Result<SealedComponent, Error> {
    let encoded = borsh::to_vec(component)
        .map(Zeroizing::new)
        .map_err(|error| context.refused(format!("component {} does not encode: {error}", component.subset)))?;
    let subset = component.subset;
    let digest = component.digest(context);
    let name: [&[u8]; 4] = [&context.name(), &[subset.get()], digest.as_bytes(), &researcher.to_bytes()];
    let randomness = sealing_randomness(&secret.prf_key, &name);
    let bytes = sealing::seal_deterministic(researcher, &sealing_context(context, subset), &encoded, &randomness)?;
    Ok(SealedComponent { subset, bytes })
}

fn sealing_context(context: &ReleaseContext, subset: SubsetIndex) -> SealingContext {
    SealingContext::new(ByteTag::SealedComponent, &context.chain, &[&context.name(), &[subset.get()]])
}
