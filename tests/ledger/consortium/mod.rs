//! Validators as processes of their own, killed, paused, cut off from each other, and dishonest.

mod byzantine;
pub mod cooked;
mod crashes;
mod doubles;
mod joining;
mod lan;
mod namespaces;
mod process;
mod simulation;
mod time;
pub mod town;
mod vandal;
mod withholding;
