//! Validators as processes of their own, killed, paused, cut off from each other, and dishonest.

mod byzantine;
mod crashes;
mod lan;
mod namespaces;
mod process;
mod simulation;
mod town;
