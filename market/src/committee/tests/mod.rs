mod key_generation;
mod noise;
mod release;
