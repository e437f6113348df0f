//! Pauses between attempts.

use node::units::Timestamp;
use rand::{Rng, RngExt as _};

/// Pauses that double from attempt to attempt up to a bound. Each is drawn between half of it and all of it, so that many
/// jobs that failed together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure, in seconds.
    pub seconds_min: u32,
    /// The longest pause, in seconds.
    pub seconds_max: u32,
}

impl Default for Backoff {
    /// Two seconds, doubled up to a quarter of an hour.
    fn default() -> Self {
        Self { seconds_min: 2, seconds_max: 900 }
    }
}

impl Backoff {
    /// The longest pause after an attempt, counted from 1, in seconds.
    #[must_use]
    pub fn ceiling(self, attempt: u32) -> u32 {
        let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.seconds_min.saturating_mul(doubled).min(self.seconds_max)
    }

    /// When to try again after an attempt that failed now.
    pub fn next(self, attempt: u32, now: Timestamp, rng: &mut (impl Rng + ?Sized)) -> Timestamp {
        let ceiling = self.ceiling(attempt);
        now.after(rng.random_range(ceiling.div_ceil(2)..=ceiling))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_and_are_capped(
            seconds_min in 0u32..10, cap in 1u32..5_000, attempt in 1u32..200, seed in any::<u64>(),
        ) {
            let backoff = Backoff { seconds_min, seconds_max: cap };
            prop_assert!(backoff.ceiling(attempt) <= backoff.ceiling(attempt + 1));
            prop_assert!(backoff.ceiling(attempt) <= cap);
            let now = Timestamp::new(1_000_000);
            let next = backoff.next(attempt, now, &mut StdRng::seed_from_u64(seed));
            let pause = u32::try_from(next.get() - now.get()).unwrap();
            prop_assert!(pause <= backoff.ceiling(attempt));
            prop_assert!(pause >= backoff.ceiling(attempt) / 2);
        }
    }

    #[test]
    fn the_first_pauses_double() {
        let backoff = Backoff::default();
        let ceilings: Vec<_> = (1..=11).map(|attempt| backoff.ceiling(attempt)).collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(backoff.ceiling(u32::MAX), 900);
    }
}
