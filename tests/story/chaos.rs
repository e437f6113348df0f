//! SIGKILL for processes in random order, again and again.

use std::{thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// What is killed and comes back.
pub trait Mortal {
    fn name(&self) -> &str;

    /// It ends when it is killed, and for no other reason.
    fn assert_alive(&mut self);

    /// SIGKILL: no chance to tidy up.
    fn kill(&mut self);

    fn restart(&mut self);

    /// How often it was killed.
    fn kills(&self) -> u32;

    /// An orderly end, for whatever the story does not need behind its end.
    fn stop(self: Box<Self>);
}

/// Everybody who is killed.
pub type Cast<'s> = Vec<Box<dyn Mortal + 's>>;

/// Who is killed when. A seed gives the same choices again, though not the same moments of the others.
pub struct Chaos {
    random: StdRng,
    left: usize,
    /// Who is to be killed before anybody is again.
    bag: Vec<usize>,
}

impl Chaos {
    /// So many kills, by `LOCUS_STORY_SEED` or a new seed, which is printed.
    pub fn new(kills: usize) -> Self {
        let seed = super::number("LOCUS_STORY_SEED", rand::rng().random_range(0..1_000_000));
        println!("story: {kills} kills, LOCUS_STORY_SEED={seed}");
        Self { random: StdRng::seed_from_u64(seed), left: kills, bag: vec![] }
    }

    /// Kills once, after a moment, and restarts after another; whether there was a kill left.
    pub fn strike(&mut self, cast: &mut [Box<dyn Mortal + '_>]) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.bag.is_empty() {
            self.bag = (0..cast.len()).collect();
            self.bag.shuffle(&mut self.random);
        }
        let place = self.bag.pop().unwrap();
        let [before, away] = [300..1_800, 0..700].map(|range| Duration::from_millis(self.random.random_range(range)));
        thread::sleep(before);
        let mortal = &mut cast[place];
        mortal.assert_alive();
        println!("story: SIGKILL for {}, back after {away:?}", mortal.name());
        mortal.kill();
        thread::sleep(away);
        mortal.restart();
        true
    }
}
