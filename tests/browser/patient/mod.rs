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

/// Does something when it is dropped: what a test changed for all is as it was, also when the test fails.
struct Afterwards<Work: Fn()>(Work);

impl<Work: Fn()> Drop for Afterwards<Work> {
    fn drop(&mut self) {
        (self.0)();
    }
}
