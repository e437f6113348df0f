mod key_generation;
mod release;
