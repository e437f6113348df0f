//! Time and peak memory of each stage of this process.

use std::{fs, time::Instant};

use serde::{Deserialize, Serialize};

/// What a stage took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    stage: String,
    seconds: f64,
    /// Greatest resident memory while it ran, and what was resident when it began.
    peak_mib: u64,
    before_mib: u64,
}

impl Measured {
    pub fn print(&self) {
        let Self { stage, seconds, peak_mib, before_mib } = self;
        println!("| {stage:<58} | {seconds:>8.2} s | peak {peak_mib:>5} MiB | before {before_mib:>5} MiB |");
    }
}

/// The stages of a run, in order.
#[derive(Default)]
pub struct Stages(Vec<Measured>);

impl Stages {
    /// Does a stage, prints what it took and keeps it.
    pub fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> T) -> T {
        // Linux sets the peak back to what is resident (proc_pid_clear_refs(5)).
        fs::write("/proc/self/clear_refs", "5").expect("Linux, with the right to reset the peak");
        let (before_mib, started) = (resident("VmRSS:"), Instant::now());
        let done = work();
        let seconds = started.elapsed().as_secs_f64();
        let measured = Measured { stage: stage.into(), seconds, peak_mib: resident("VmHWM:"), before_mib };
        measured.print();
        self.0.push(measured);
        done
    }

    pub fn done(self) -> Vec<Measured> {
        self.0
    }
}

/// A field of this process's memory, in MiB.
fn resident(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
}
