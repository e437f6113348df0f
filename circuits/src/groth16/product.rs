//! Multi-scalar products: of thousands of points, with buckets of affine points that are added many at a time, and of few.
//!
//! Of many: Pippenger's method with signed digits (Bernstein, Doumen, Lange, Oosterwijk, *Faster batch forgery identification*,
//! INDOCRYPT 2012, section 4). The points of a bucket are added in pairs, in affine coordinates, with one inversion for
//! many pairs (Montgomery's trick): six multiplications for a sum instead of the ten of the library's coordinates. Like
//! the library's, its time depends on the scalars. Of few: Straus' method, whose doublings all points share.
//! Scalars, places and the points fetched by them are wiped afterwards; divisors and sums inside a batch are not.

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{
    AffineRepr, CurveGroup,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, Zero};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

/// A scalar as an integer.
pub(super) type Scalar = <Fr as PrimeField>::BigInt;

/// Coordinates of a point; two zeros, which are on no curve here, for the neutral element.
type Point<C> = [<C as ark_ec::CurveConfig>::BaseField; 2];

/// Pairs that share an inversion: many enough to forget it, few enough to stay in a core's cache.
const PAIRS: usize = 512;

/// A scalar's distance from zero, and the side on which it lies: `−1` is as small as `1`.
#[derive(Clone, Copy, Zeroize)]
struct Signed {
    size: Scalar,
    negative: bool,
}

impl From<&Scalar> for Signed {
    fn from(scalar: &Scalar) -> Self {
        let mut opposite = Fr::MODULUS;
        opposite.sub_with_borrow(scalar);
        if opposite < *scalar {
            Self { size: opposite, negative: true }
        } else {
            Self { size: *scalar, negative: false }
        }
    }
}

/// `Σ scalarᵢ·pointᵢ`, over as many as there are of both. Each window is a task of the current rayon pool.
pub(super) fn multi_scalar_product<C: SWCurveConfig>(points: &[Affine<C>], scalars: &[Scalar]) -> Projective<C> {
    let scalars: Zeroizing<Vec<Signed>> = Zeroizing::new(scalars.iter().map(Signed::from).collect());
    let used = points.iter().zip(scalars.iter()).filter(|(point, _)| !point.is_zero());
    let lengths: Vec<u32> = used.map(|(_, scalar)| scalar.size.num_bits()).collect();
    let width = width(&lengths);
    // A signed digit may carry into the window above the highest bit.
    let windows = 0..=lengths.iter().max().unwrap_or(&0) / width;
    let sums: Vec<_> = windows.into_par_iter().map(|window| window_sum(points, &scalars, window, width)).collect();
    sums.into_iter().rev().fold(Projective::zero(), |mut sum, window| {
        (0..width).for_each(|_| {
            sum.double_in_place();
        });
        sum + window
    })
}

/// The width of windows that costs least, in field multiplications: six for each digit, and about 24 for each bucket.
fn width(lengths: &[u32]) -> u32 {
    // How many scalars are longer than each number of bits.
    let mut longer = [0_usize; Scalar::NUM_LIMBS * 64];
    for length in lengths {
        if let Some(count) = (*length as usize).checked_sub(1).and_then(|last| longer.get_mut(last)) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for count in longer.iter_mut().rev() {
        sum += *count;
        *count = sum;
    }
    let cost = |width: &u32| -> usize {
        let digits = longer.iter().step_by(*width as usize);
        digits.map(|digits| 6 * digits + if *digits > 0 { 24 << (width - 1) } else { 0 }).sum()
    };
    (2..=16).min_by_key(cost).unwrap_or(2)
}

/// `Σ digitᵢ·pointᵢ` for one window's digits.
fn window_sum<C: SWCurveConfig>(points: &[Affine<C>], scalars: &[Signed], window: u32, width: u32) -> Projective<C> {
    let mut terms = Zeroizing::new(Vec::with_capacity(points.len().min(scalars.len())));
    let used = points.iter().zip(scalars).zip(0..).filter(|((point, _), _)| !point.is_zero());
    terms.extend(used.filter_map(|((_, Signed { size, negative }), place)| {
        let digit = digit(size, window, width);
        Term::new(if *negative { -digit } else { digit }, place)
    }));
    terms.sort_unstable();

    let mut buckets: Zeroizing<Vec<u32>> = Zeroizing::new(terms.iter().map(|term| term.bucket()).collect());
    let mut sums =
        add_pairs::<C>(&mut buckets, |place| terms.get(place).map_or_else(neutral::<C>, |t| t.point(points)));
    while buckets.windows(2).any(|pair| pair.first() == pair.last()) {
        sums = add_pairs::<C>(&mut buckets, |place| sums.get(place).copied().unwrap_or_else(neutral::<C>));
    }

    // Σ bucket·sum as the sum of the sums of all buckets from the highest down to each.
    let mut filled = buckets.iter().zip(sums.iter()).rev().peekable();
    let (mut above, mut total) = (Projective::zero(), Projective::zero());
    for bucket in (1..=buckets.last().copied().unwrap_or(0)).rev() {
        let sum = filled.next_if(|(filled, _)| **filled == bucket).map(|(_, sum)| sum);
        if let Some([x, y]) = sum.filter(|sum| !is_neutral::<C>(sum)) {
            above += Affine::new_unchecked(*x, *y);
        }
        total += above;
    }
    total
}

/// A point's place, the sign of its digit, and above them the digit's size, its bucket: so terms sort by buckets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Zeroize)]
struct Term(u64);

impl Term {
    fn new(digit: i32, place: u32) -> Option<Self> {
        let sign = u64::from(digit < 0);
        (digit != 0).then_some(Self(u64::from(digit.unsigned_abs()) << 40 | u64::from(place) << 1 | sign))
    }

    const fn bucket(self) -> u32 {
        (self.0 >> 40) as u32
    }

    fn point<C: SWCurveConfig>(self, points: &[Affine<C>]) -> Point<C> {
        let point = points.get((self.0 >> 1) as u32 as usize);
        point.map_or_else(neutral::<C>, |point| [point.x, if self.0 & 1 == 1 { -point.y } else { point.y }])
    }
}

/// The first multiples of some points. With these windows a product needs about as many additions as doublings for five
/// points.
#[derive(Debug, Clone)]
pub(super) struct Multiples(Vec<[G1Affine; 1 << (Self::WIDTH - 1)]>);

impl Multiples {
    const WIDTH: u32 = 5;

    pub(super) fn new(points: &[G1Affine]) -> Self {
        let multiples = |point: &G1Affine| {
            let mut multiple = G1Projective::zero();
            [(); 1 << (Self::WIDTH - 1)].map(|()| {
                multiple += point;
                multiple
            })
        };
        let multiples: Vec<G1Projective> = points.iter().flat_map(multiples).collect();
        Self(G1Projective::normalize_batch(&multiples).as_chunks().0.to_vec())
    }

    /// `Σ scalarᵢ·pointᵢ`.
    pub(super) fn product(&self, scalars: impl IntoIterator<Item = Fr>) -> G1Projective {
        let scalars: Vec<Scalar> = scalars.into_iter().map(PrimeField::into_bigint).collect();
        let bits = scalars.iter().map(BigInteger::num_bits).max().unwrap_or(0);
        (0..=bits / Self::WIDTH).rev().fold(G1Projective::zero(), |mut sum, window| {
            (0..Self::WIDTH).for_each(|_| {
                sum.double_in_place();
            });
            for (multiples, scalar) in self.0.iter().zip(&scalars) {
                let digit = digit(scalar, window, Self::WIDTH);
                match (digit.unsigned_abs() as usize).checked_sub(1).and_then(|place| multiples.get(place)) {
                    Some(multiple) if digit < 0 => sum -= multiple,
                    Some(multiple) => sum += multiple,
                    None => {}
                }
            }
            sum
        })
    }
}

/// The signed digit of a window, between `−2^(width−1)` and `2^(width−1)`: its bits plus the highest bit of the window
/// below, less `2^width` when its own highest bit is set (Booth).
fn digit(scalar: &Scalar, window: u32, width: u32) -> i32 {
    let bits = |start: u32, count: u32| {
        let mut limbs = scalar.as_ref().iter().skip(start as usize / 64);
        let mut limb = || limbs.next().copied().map_or(0, u128::from);
        let pair = limb() | limb() << 64;
        (pair >> (start % 64)) as u32 & ((1 << count) - 1)
    };
    let extended = match window {
        0 => bits(0, width) << 1,
        _ => bits(window * width - 1, width + 1),
    };
    extended.div_ceil(2) as i32 - ((extended >> width) << width) as i32
}

fn neutral<C: SWCurveConfig>() -> Point<C> {
    [C::BaseField::ZERO; 2]
}

fn is_neutral<C: SWCurveConfig>(point: &Point<C>) -> bool {
    point.iter().all(Zero::is_zero)
}

/// Adds neighbours of a bucket in pairs, so that half as many points remain. `buckets` names the bucket of each place, in
/// order, before and after.
fn add_pairs<C: SWCurveConfig>(buckets: &mut Vec<u32>, point: impl Fn(usize) -> Point<C>) -> Zeroizing<Vec<Point<C>>> {
    let mut start = 0;
    let mut pairs = Vec::with_capacity(buckets.len());
    for pair in buckets.chunk_by(PartialEq::eq).flat_map(|bucket| bucket.chunks(2)) {
        pairs.push((start, pair.len() == 2));
        start += pair.len();
    }
    let mut sums = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for pairs in pairs.chunks(PAIRS) {
        // Fetched before they are used: points of the first round lie far apart in memory.
        let operands = pairs.iter().map(|(first, both)| {
            let second = if *both { point(first + 1) } else { neutral::<C>() };
            (point(*first), second)
        });
        sums.extend(add_each::<C>(&Zeroizing::new(operands.collect::<Vec<_>>())));
    }
    let kept: Vec<u32> = pairs.iter().filter_map(|(first, _)| buckets.get(*first)).copied().collect();
    buckets.zeroize();
    *buckets = kept;
    sums
}

/// The sum of each pair, with one inversion.
fn add_each<C: SWCurveConfig>(pairs: &[(Point<C>, Point<C>)]) -> impl Iterator<Item = Point<C>> + use<C> {
    let mut product = C::BaseField::ONE;
    let mut divisors = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let divisor = divisor::<C>(pair);
        divisors.push((divisor, product));
        product *= divisor;
    }
    let mut inverse = product.inverse().unwrap_or_default();
    let mut sums = Vec::with_capacity(pairs.len());
    for (pair, (divisor, before)) in pairs.iter().zip(divisors).rev() {
        sums.push(add::<C>(pair, inverse * before));
        inverse *= divisor;
    }
    sums.into_iter().rev()
}

/// What the slope between two points is divided by, or one where no slope is needed. Never zero.
fn divisor<C: SWCurveConfig>((p, q): &(Point<C>, Point<C>)) -> C::BaseField {
    if is_neutral::<C>(p) || is_neutral::<C>(q) {
        return C::BaseField::ONE;
    }
    let ([px, py], [qx, qy]) = (p, q);
    let difference = if px == qx && py == qy { py.double() } else { *qx - px };
    if difference.is_zero() { C::BaseField::ONE } else { difference }
}

/// The sum of two points, given the inverse of their divisor.
fn add<C: SWCurveConfig>((p, q): &(Point<C>, Point<C>), inverse: C::BaseField) -> Point<C> {
    let ([px, py], [qx, qy]) = (p, q);
    let slope = match (is_neutral::<C>(p), is_neutral::<C>(q)) {
        (true, _) => return *q,
        (_, true) => return *p,
        _ if px != qx => (*qy - py) * inverse,
        _ if py != qy || py.is_zero() => return neutral::<C>(),
        _ => {
            let square = px.square();
            (square.double() + square + C::COEFF_A) * inverse
        }
    };
    let x = slope.square() - px - qx;
    [x, slope * (*px - x) - py]
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G2Affine, G2Projective, g1, g2};
    use ark_ec::VariableBaseMSM;
    use proptest::prelude::*;

    use super::*;

    /// Scalars as circuits have them: zeros, ones, small, negative and any.
    fn scalars() -> impl Strategy<Value = Vec<Fr>> {
        let scalar = prop_oneof![
            Just(Fr::from(0u64)),
            Just(Fr::from(1u64)),
            any::<u8>().prop_map(Fr::from),
            any::<u8>().prop_map(|small| -Fr::from(small)),
            any::<u64>().prop_map(|small| -Fr::from(small)),
            any::<[u8; 32]>().prop_map(|bytes| Fr::from_le_bytes_mod_order(&bytes)),
        ];
        prop::collection::vec(scalar, 0..200)
    }

    /// Few different points, so that equal and opposite ones meet, and the neutral one.
    fn points<C: SWCurveConfig>(logarithms: &[i8]) -> Vec<Affine<C>> {
        let point = |logarithm: &i8| Affine::<C>::generator() * C::ScalarField::from(*logarithm);
        Projective::normalize_batch(&logarithms.iter().map(point).collect::<Vec<_>>())
    }

    fn agrees<G: VariableBaseMSM<ScalarField = Fr>>(
        points: &[G::MulBase],
        scalars: &[Fr],
        product: impl Fn(&[G::MulBase], &[Scalar]) -> G,
    ) -> bool {
        let integers: Vec<Scalar> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
        product(points, &integers) == G::msm_unchecked(points, scalars)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_product_is_that_of_arkworks(logarithms in prop::collection::vec(any::<i8>(), 0..200), scalars in scalars()) {
            let g1: Vec<G1Affine> = points::<g1::Config>(&logarithms);
            prop_assert!(agrees::<G1Projective>(&g1, &scalars, multi_scalar_product));
            let few = |points: &[G1Affine], _: &[Scalar]| Multiples::new(points).product(scalars.iter().copied());
            prop_assert!(agrees::<G1Projective>(&g1, &scalars, few));
            let g2: Vec<G2Affine> = points::<g2::Config>(&logarithms);
            prop_assert!(agrees::<G2Projective>(&g2, &scalars, multi_scalar_product));
        }

        #[test]
        fn signed_digits_add_up_to_their_scalar(bytes in any::<[u8; 32]>(), width in 2_u32..17) {
            let scalar = Fr::from_le_bytes_mod_order(&bytes);
            let radix = Fr::from(1_u64 << width);
            let digits = (0..=254 / width).rev().map(|window| digit(&scalar.into_bigint(), window, width));
            let half = 1 << (width - 1);
            let sum = digits.fold(Fr::ZERO, |sum, digit| {
                assert!((-half..=half).contains(&digit));
                sum * radix + Fr::from(i64::from(digit))
            });
            prop_assert_eq!(sum, scalar);
        }
    }

    #[test]
    fn products_of_as_many_points_as_circuits_have_agree_too() {
        let g1 = points::<g1::Config>(&(-125..=125).collect::<Vec<i8>>()).into_iter().cycle().take(1 << 16);
        let powers = std::iter::successors(Some(Fr::from(3u64)), |power| Some(power.square() + power));
        let (g1, scalars): (Vec<_>, Vec<_>) = g1.zip(powers).unzip();
        assert!(agrees::<G1Projective>(&g1, &scalars, multi_scalar_product));
        assert!(multi_scalar_product::<g1::Config>(&[], &[]).is_zero());
    }
}
