//! SIGKILL for processes picked at random, again and again.

use std::{thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::process::Process;

/// Who is killed when. A seed gives the same choices again, though not the same moments of the others.
pub struct Chaos {
    random: StdRng,
    left: u32,
}

impl Chaos {
    /// So many kills, by `LOCUS_STORY_SEED` or a new seed, which is printed.
    pub fn new(kills: u32) -> Self {
        let seed = super::number("LOCUS_STORY_SEED", rand::rng().random_range(0..1_000_000));
        println!("story: {kills} kills, LOCUS_STORY_SEED={seed}");
        Self { random: StdRng::seed_from_u64(seed), left: kills }
    }

    /// Kills once, after a moment, and restarts after another; whether there was a kill left.
    pub fn strike(&mut self, processes: &mut [Process<'_>]) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let place = self.random.random_range(0..processes.len());
        let [before, away] = [300..1_800, 0..700].map(|range| Duration::from_millis(self.random.random_range(range)));
        thread::sleep(before);
        let process = &mut processes[place];
        println!("story: SIGKILL for {}, back after {away:?}", process.name());
        process.kill();
        thread::sleep(away);
        process.restart();
        true
    }
}
