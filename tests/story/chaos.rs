//! SIGKILL for processes in random order, again and again.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// Time between two kills for each person, beside the moment before each: where there are more people commands take longer,
/// and one that is always struck would never end.
const PAUSE_PER_PERSON: Duration = Duration::from_millis(15);

/// What is killed and comes back, from whichever thread.
pub trait Mortal: Send {
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

/// Who is killed when. A seed gives each cast the same choices again, though not the same moments of the others.
pub struct Chaos {
    seed: u64,
    pause: Duration,
    random: StdRng,
    /// Who is to be killed before anybody is again, of a cast of so many.
    bag: Vec<usize>,
    of: usize,
}

/// Says that something is done, also when it panics.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Chaos {
    /// By `LOCUS_STORY_SEED` or a new seed, which is printed.
    pub fn new(people: usize) -> Self {
        let seed = super::number("LOCUS_STORY_SEED", rand::rng().random_range(0..1_000_000));
        println!("story: LOCUS_STORY_SEED={seed}");
        let pause = PAUSE_PER_PERSON * u32::try_from(people).unwrap();
        Self { seed, pause, random: StdRng::seed_from_u64(seed), bag: vec![], of: 0 }
    }

    /// Who is next. A cast that grew has choices of its own, however often it was struck before.
    fn next(&mut self, of: usize) -> usize {
        if self.of != of {
            self.random = StdRng::seed_from_u64(self.seed.wrapping_add(u64::try_from(of).unwrap()));
            (self.of, self.bag) = (of, vec![]);
        }
        if self.bag.is_empty() {
            self.bag = (0..of).collect();
            self.bag.shuffle(&mut self.random);
        }
        self.bag.pop().unwrap()
    }

    /// Kills once, after a moment, and restarts after another.
    pub fn strike(&mut self, cast: &mut Cast<'_>) {
        let place = self.next(cast.len());
        let [before, away] = [300..1_800, 0..700].map(|range| Duration::from_millis(self.random.random_range(range)));
        thread::sleep(before);
        let mortal = &mut cast[place];
        mortal.assert_alive();
        println!("story: SIGKILL for {}, back after {away:?}", mortal.name());
        mortal.kill();
        thread::sleep(away);
        mortal.restart();
    }

    /// Kills one after another while something is done, and each of the cast once at least. Whoever does it repeats what
    /// fails meanwhile.
    pub fn during<T>(&mut self, cast: &mut Cast<'_>, work: impl FnOnce() -> T) -> T {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let strikes = scope.spawn(|| {
                let mut struck = 0;
                while struck < cast.len() || !is_done.load(Ordering::Relaxed) {
                    self.strike(cast);
                    thread::sleep(self.pause);
                    struck += 1;
                }
            });
            let done = {
                let _done = Done(&is_done);
                work()
            };
            strikes.join().unwrap_or_else(|panic| resume_unwind(panic));
            done
        })
    }
}
