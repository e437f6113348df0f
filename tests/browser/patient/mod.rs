//! People's own pages: a hospital's agent that serves the wallets of the demo's people, who look, change and withdraw.

mod answering;
mod fields;
mod forms;
mod granting;
pub mod hostile;
pub mod journeys;
pub mod plain;
mod refusing;
mod village;
pub mod ward;
