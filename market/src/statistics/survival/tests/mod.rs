//! Survival against references, without people, and under noise.

mod degenerate;
mod noise;
mod reference;
