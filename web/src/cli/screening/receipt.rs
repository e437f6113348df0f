//! A screening's receipt.

use std::path::PathBuf;

use circuits::id::ScreeningId;
use clap::Args;
use market::receipt::screening::{Collected, VerifiedScreeningReceipt, collect_watched, verify_watched};
use serde::Serialize;

use crate::{
    Error,
    cli::{
        Home, Output,
        session::write_file,
        verify::{describe_screening, show_check},
    },
};

/// Of which screening, and where to.
#[derive(Debug, Args)]
pub struct Recording {
    /// The screening's id.
    screening: ScreeningId,
    /// Where to write the receipt.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What was written, and what it shows.
#[derive(Debug, Serialize)]
struct Recorded {
    receipt: PathBuf,
    verified: VerifiedScreeningReceipt,
}

impl Recording {
    /// Collects the receipt, checks it as whoever is given it will, and writes it.
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let connection = home.connect_reading()?;
        let bar = output.progress("collecting responses", 0);
        let mut watch = |collected: Collected| {
            bar.set_length(collected.of.into());
            bar.set_position(collected.responses.into());
        };
        let receipt = collect_watched(&*connection.ledger, self.screening, &mut watch)?;
        bar.finish_and_clear();
        let verified = verify_watched(&receipt, &mut |check| show_check(output, check))?;
        write_file("receipt", &self.out, receipt.to_json()?.as_bytes())?;
        output.result(&Recorded { receipt: self.out, verified }, |recorded| {
            format!("{}\n\nreceipt: {}", describe_screening(&recorded.verified), recorded.receipt.display())
        })
    }
}
